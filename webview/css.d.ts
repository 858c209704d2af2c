/** Stylesheets are imported so that esbuild bundles them. They export nothing. */
declare module '*.css';
