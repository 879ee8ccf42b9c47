import { identityErrors } from './codes/identityErrors.ts';
import { inputErrors } from './codes/inputErrors.ts';
import { machineErrors } from './codes/machineErrors.ts';
import { refusalErrors } from './codes/refusalErrors.ts';
import { roundErrors } from './codes/roundErrors.ts';
import { transportErrors } from './codes/transportErrors.ts';

/** The one table of error codes. A code is part of the protocol: it may be added, never renamed. */
export const errorTable = {
  ...inputErrors,
  ...identityErrors,
  ...transportErrors,
  ...refusalErrors,
  ...roundErrors,
  ...machineErrors,
};

export type ErrorCode = keyof typeof errorTable;

export const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(errorTable, text);
