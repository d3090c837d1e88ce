import { toBuffer, toDataURL, toString } from 'qrcode'

/** A linking code drawn as a QR: for pages, for image tags, and for a terminal. */
const border = { margin: 2 } as const

/** `data:image/png;base64,…` */
export const qrDataUrl = (code: string): Promise<string> =>
  toDataURL(code, { ...border, width: 360 })

export const qrPng = (code: string): Promise<Buffer> => toBuffer(code, { ...border, width: 512 })

export const qrSvg = (code: string): Promise<string> => toString(code, { ...border, type: 'svg' })

/** Two rows a line in half blocks, to be scanned off a terminal, dark or light. */
export const qrText = async (code: string): Promise<string> =>
  `${await toString(code, { ...border, type: 'utf8' })}\n`
