/** Runes everywhere; components carry their own styles, tokens.css the values. */
export default { compilerOptions: { runes: true } };
