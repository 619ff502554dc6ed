/** Text in a drawing. */

/** Width of an average letter in the small font. */
const letterWidth = 6.3;

export const lineHeight = 16;

/** How many have room on a line. */
export const lettersIn = (width: number) => Math.floor(width / letterWidth);

export function wrapText(text: string, width: number): readonly string[] {
  return text.match(new RegExp(`.{1,${lettersIn(width)}}(?: |$)`, 'g')) ?? [];
}

/** What is too long for a line ends in dots. */
export function cutText(text: string, width: number): string {
  const letters = lettersIn(width);
  return text.length <= letters ? text : `${text.slice(0, letters - 1).trimEnd()}…`;
}

export function drawText(x: number, y: number, text: string, attributes = ''): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<text x="${Math.round(x)}" y="${y}"${attributes === '' ? '' : ` ${attributes}`}>${escaped}</text>`;
}
