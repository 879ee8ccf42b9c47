/** Faults that no test of the suite can kill, by name, and why that is right. A fault that is neither killed nor explained here fails the run. */
export const explainedSurvivors: Readonly<Record<string, string>> = {};
