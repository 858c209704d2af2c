/** Which entries of a folder may be images, by their names; what they are is seen when they are opened. */

/** The endings of what is decoded, in small letters. */
const IMAGE_EXTENSIONS: ReadonlySet<string> = new Set([
  ...['.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.webp', '.gif', '.tif', '.tiff', '.bmp', '.dib', '.avif'],
]);

/** Endings of images that are not decoded: each is named, since a person takes them for part of the data set. */
const UNSUPPORTED_EXTENSIONS: ReadonlySet<string> = new Set([
  ...['.heic', '.heif', '.jxl', '.jp2', '.j2k', '.svg', '.psd', '.ico', '.exr', '.hdr', '.dcm'],
  ...['.ppm', '.pgm', '.pbm', '.pnm', '.raw', '.dng', '.cr2', '.cr3', '.nef', '.arw', '.orf', '.rw2'],
]);

/** Entries that file managers, systems and notebooks leave behind, in small letters. */
const SYSTEM_ENTRIES: ReadonlySet<string> = new Set([
  ...['__macosx', '__pycache__', 'thumbs.db', 'ehthumbs.db', 'desktop.ini', '@eadir', 'lost+found'],
  ...['$recycle.bin', 'system volume information', 'icon\r'],
]);

/** Whether an entry is neither a class nor an image: hidden, or a system's. */
export function isHidden(name: string): boolean {
  return name.startsWith('.') || SYSTEM_ENTRIES.has(name.toLowerCase());
}

/** What a file is by its name; one without an ending may be anything. */
export function kindByName(name: string): 'image' | 'unsupported' | 'unknown' | 'other' {
  const extension = extensionOf(name);
  if (extension === '') return 'unknown';
  if (IMAGE_EXTENSIONS.has(extension)) return 'image';
  return UNSUPPORTED_EXTENSIONS.has(extension) ? 'unsupported' : 'other';
}

/** In small letters, with its dot; empty where there is none. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot <= 0 || dot === name.length - 1 ? '' : name.slice(dot).toLowerCase();
}
