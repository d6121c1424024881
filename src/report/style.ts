import { COLOURS, FONT_FAMILY } from './chart.js';

const lightVariables = Object.entries(COLOURS)
  .map(([name, colour]) => `--${name}: ${colour};`)
  .join(' ');

/** The page's own style sheet: one column for reading, figures and tables inside it, light and dark, and print. */
export const STYLE = `
:root { color-scheme: light dark; --ground: #ffffff; ${lightVariables} }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171a; --ink: #e4e8ec; --muted: #9aa4ae; --rule: #353b42; --band: #21262c;
    --base: #b4bcc4; --uniform: #ff9a57; --adaptive: #5cb3f0; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 ${FONT_FAMILY}; }
main { max-width: 62rem; margin: 0 auto; padding: 3rem 1.5rem 4rem; }
header p { margin: 0; color: var(--muted); }
h1 { margin: 0 0 .25rem; font-size: 1.75rem; line-height: 1.25; font-weight: 650; overflow-wrap: anywhere; }
h2 { margin: 2.75rem 0 .75rem; padding-bottom: .3rem; border-bottom: 1px solid var(--rule); font-size: 1.2rem; font-weight: 650; }
p, li { max-width: 44rem; }
.lead { margin: 1.5rem 0 0; font-size: 1.15rem; line-height: 1.5; }
ul { padding-left: 1.2rem; }
li { margin: .3rem 0; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .875rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
caption { padding: 0 0 .5rem; text-align: left; color: var(--muted); caption-side: top; }
th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--rule); vertical-align: baseline; }
th:first-child, td:first-child { padding-left: 0; }
thead th { border-bottom: 1.5px solid var(--muted); vertical-align: bottom; font-weight: 600; }
thead tr { border-top: 1.5px solid var(--muted); }
tbody tr:last-child > * { border-bottom: 1.5px solid var(--muted); }
tbody th { font-weight: 500; }
.text { text-align: left; }
.number { text-align: right; white-space: nowrap; }
.number:last-child, .text:last-child { padding-right: 0; }
.headline table { width: 100%; }
.headline thead th { white-space: normal; }
tbody th { white-space: nowrap; }
figure { margin: 1.5rem 0; break-inside: avoid; }
figure svg { display: block; width: 100%; max-width: 45rem; height: auto; }
figcaption { max-width: 44rem; color: var(--muted); font-size: .9rem; }
figcaption b { color: var(--ink); font-weight: 600; }
details { margin: .5rem 0; font-size: .9rem; }
summary { color: var(--muted); cursor: pointer; }
.samples { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1.25rem; }
.samples figure { margin: 0; }
.samples img { display: block; width: 100%; image-rendering: pixelated; border: 1px solid var(--rule); }
@media screen and (min-width: 66rem) {
  .samples { position: relative; left: 50%; width: min(94vw, 110rem); transform: translateX(-50%); }
}
dl { display: grid; grid-template-columns: minmax(9rem, max-content) 1fr; gap: .25rem 1.25rem; font-size: .9rem; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
pre { margin: .75rem 0; padding: .75rem 1rem; background: var(--band); border-radius: 4px; font-size: .85rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.copy { max-height: 20rem; overflow: auto; white-space: pre; user-select: all; }
@media print {
  :root { color-scheme: light; --ground: #ffffff; ${lightVariables} }
  main { max-width: none; padding: 0; }
  body { font-size: 10pt; }
  h2, h2 + p { break-after: avoid; }
  .together { break-inside: avoid; }
  .samples { grid-template-columns: repeat(3, 1fr); }
  tr { break-inside: avoid; }
  .scroll { overflow: visible; }
  .headline table { font-size: 7.5pt; }
}
`;
