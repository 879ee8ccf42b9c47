/** Where commands find a running coordinator, in its data folder: {address, token}, readable by its owner alone. */
export const ADMIN_FILE = 'admin.json';
