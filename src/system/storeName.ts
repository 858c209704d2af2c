/** The folder, beside a person's files, that holds what this product writes. */
export const STORE_FOLDER = '.bag-of-tricks';
