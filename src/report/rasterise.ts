import sharp from 'sharp';

/** Width of a figure's drawing, CSS pixels, at which an SVG has 72 dots per inch. */
const CSS_DPI = 72;

/** A figure as a PNG of this width in pixels, on white; drawn at that size, not scaled up. */
export async function rasterise(svg: string, width: number): Promise<Buffer> {
  const { width: natural = width } = await sharp(Buffer.from(svg)).metadata();
  return sharp(Buffer.from(svg), { density: Math.min(2400, (CSS_DPI * width) / natural) })
    .resize({ width })
    .flatten({ background: '#ffffff' })
    .png()
    .toBuffer();
}
