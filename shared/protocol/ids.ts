import { z } from 'zod';

/** A node's id: random, drawn by the coordinator at enrolment; it says nothing about the merchant. */
export const clientIdSchema = z.uuidv4();
/** A task's id: random. */
export const taskIdSchema = z.uuidv4();
/** A federation's id: random, made when a coordinator first starts on an empty data folder. */
export const federationIdSchema = z.uuidv4();
/** A round's number within its task, from 1. */
export const roundNumberSchema = z.int().min(1).max(100_000);
