const minus = (text: string): string => text.replace('-', '−');

/** How a language writes figures. */
export interface FigureStyle {
  number(value: number, digits?: number): string;
  /** A change with its sign: −4.2 %. */
  change(percent: number): string;
  /** An interval of changes: −4.2 to +1.0 %. */
  span(low: number, high: number): string;
  /** A size without its sign: 4.2 %. */
  percent(percent: number): string;
  bytes(bytes: number): string;
}

export function figureStyle(locale: string, space: string, to: string): FigureStyle {
  const number = (value: number, digits = 0): string =>
    new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
  const signed = (percent: number): string => {
    const sign = Number(percent.toFixed(1)) === 0 ? '±' : percent < 0 ? '−' : '+';
    return `${sign}${number(Math.abs(percent), 1)}`;
  };
  return {
    number: (value, digits) => minus(number(value, digits)),
    change: (percent) => `${signed(percent)}${space}%`,
    span: (low, high) => `${signed(low)}${to}${signed(high)}${space}%`,
    percent: (percent) => `${number(Math.abs(percent), 1)}${space}%`,
    bytes: (bytes) => {
      const units = ['B', 'kB', 'MB', 'GB', 'TB'];
      let unit = 0;
      let value = bytes;
      while (value >= 1000 && unit < units.length - 1) {
        value /= 1000;
        unit++;
      }
      return `${number(value, unit === 0 || value >= 100 ? 0 : 1)} ${units[unit]}`;
    },
  };
}
