/** A path in an experiment file, such as `['optimizer', 'base_lr']`. */
export type Path = readonly (string | number)[];
