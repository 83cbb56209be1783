/** The product's version, as processes and objects state it. Kept equal to package.json by a test. */
export const VERSION = '0.1.0'
