/** The folder, next to the user's files, for everything that this product writes. */
export const STORE_FOLDER = '.bag-of-tricks';
