import { PlainError, reasonOf } from '../../platform/harmless.ts'

/** Why media could not be fetched now. They may be fetched later. */
export class MediaTrouble extends PlainError {
  /** The trouble is of the network, the disk or the page: other media would fail as well. */
  readonly isOfAll: boolean

  constructor(reason: string, isOfAll: boolean, options?: ErrorOptions) {
    super(reason, options)
    this.name = 'MediaTrouble'
    this.isOfAll = isOfAll
  }
}

/** Codes of a file system that takes no more, or nothing at all. */
const diskCodes = new Set([
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'EIO',
  'EACCES',
  'EPERM',
  'EMFILE',
  'ENFILE',
  'EFBIG'
])

/** Parts of puppeteer's errors for a page that is gone or does not answer. */
const pageIsLost = new RegExp(
  [
    'Target closed',
    'Session closed',
    'Connection closed',
    'detached',
    'context was destroyed',
    'disconnected',
    'page is closed',
    'no answer within',
    'timed out'
  ].join('|'),
  'i'
)

/** An error of fetching as a `MediaTrouble`, without anybody's number or text in its reason. */
export const asMediaTrouble = (error: unknown): MediaTrouble => {
  if (error instanceof MediaTrouble) return error
  const text = reasonOf(error)
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  if (code !== undefined && diskCodes.has(code)) {
    return new MediaTrouble(`the disk takes no media (${code})`, true, { cause: error })
  }
  if (pageIsLost.test(text))
    return new MediaTrouble('the page of WhatsApp Web is gone or does not answer', true, {
      cause: error
    })
  return new MediaTrouble(text, false, { cause: error })
}
