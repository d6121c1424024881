/** Version of the software, as in package.json (a test holds them equal). Recorded beside every result. */
export const SOFTWARE_VERSION = '0.1.0';
