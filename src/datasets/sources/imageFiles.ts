/** Decides by name which entries of a folder may be images. Their content is checked on opening. */

/** Extensions of supported formats, in lower case. */
const IMAGE_EXTENSIONS: ReadonlySet<string> = new Set([
  ...['.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.webp', '.gif', '.tif', '.tiff', '.bmp', '.dib', '.avif'],
]);

/**
 * Extensions of unsupported image formats. Each such file is reported, because the user takes it for part of the data
 * set.
 */
const UNSUPPORTED_EXTENSIONS: ReadonlySet<string> = new Set([
  ...['.heic', '.heif', '.jxl', '.jp2', '.j2k', '.svg', '.psd', '.ico', '.exr', '.hdr', '.dcm'],
  ...['.ppm', '.pgm', '.pbm', '.pnm', '.raw', '.dng', '.cr2', '.cr3', '.nef', '.arw', '.orf', '.rw2'],
]);

/** Entries that file managers, systems and notebooks leave behind, in lower case. */
const SYSTEM_ENTRIES: ReadonlySet<string> = new Set([
  ...['__macosx', '__pycache__', 'thumbs.db', 'ehthumbs.db', 'desktop.ini', '@eadir', 'lost+found'],
  ...['$recycle.bin', 'system volume information', 'icon\r'],
]);

/** Whether an entry is neither a class nor an image, because it is hidden or belongs to the system. */
export function isHidden(name: string): boolean {
  return name.startsWith('.') || SYSTEM_ENTRIES.has(name.toLowerCase());
}

/** Classifies a file by name. Without an extension, it may be anything. */
export function kindByName(name: string): 'image' | 'unsupported' | 'unknown' | 'other' {
  const extension = extensionOf(name);
  if (extension === '') return 'unknown';
  if (IMAGE_EXTENSIONS.has(extension)) return 'image';
  return UNSUPPORTED_EXTENSIONS.has(extension) ? 'unsupported' : 'other';
}

/** Returns the lower-case extension with its dot; empty if there is none. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot <= 0 || dot === name.length - 1 ? '' : name.slice(dot).toLowerCase();
}
