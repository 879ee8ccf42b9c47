import { line, lines } from '../builders.ts';
import { panelIds } from '../panelIds.ts';
import { metric, processMetric } from '../promql.ts';

export const bytes = () => {
  const rate = (direction: 'up' | 'down', kind: 'model' | 'update' | 'control') =>
    `rate(${metric('hansa_transfer_bytes_total', { direction, kind })}[$__rate_interval])`;
  return lines(
    panelIds.bytes,
    'Bytes between coordinator and nodes',
    'Up is from the nodes to the coordinator: masked updates, unreadable one by one. Down is from the coordinator to the nodes: the model.',
    12,
  )
    .unit('binBps')
    .min(0)
    .targets([
      line(rate('up', 'update'), 'up: masked updates', 0),
      line(rate('up', 'control'), 'up: control messages', 1),
      line(rate('down', 'model'), 'down: models', 2),
      line(rate('down', 'control'), 'down: control messages', 3),
    ]);
};

export const memory = () =>
  lines(
    panelIds.memory,
    'Memory of the coordinator',
    'Resident: what the process holds of the machine. It should not grow with the number of nodes, because masked updates wait on disk.',
    6,
  )
    .unit('bytes')
    .min(0)
    .targets([
      line(processMetric('process_resident_memory_bytes'), 'resident', 0),
      line(processMetric('nodejs_heap_size_used_bytes'), 'JavaScript heap in use', 1),
    ]);

export const eventLoop = () =>
  lines(
    panelIds.eventLoop,
    'Event-loop lag',
    'How late the coordinator gets to its next piece of work. Above a few hundred milliseconds it is overloaded, and nodes may miss their heartbeats.',
    6,
  )
    .unit('s')
    .min(0)
    .targets([
      line(processMetric('nodejs_eventloop_lag_mean_seconds'), 'mean', 0),
      line(processMetric('nodejs_eventloop_lag_p99_seconds'), '99th percentile', 1),
    ]);
