import { PlainError, reasonOf } from '../../platform/harmless.ts'

/** Why media could not be fetched now, though they may be later. */
export class MediaTrouble extends PlainError {
  /** It is the network, the disk or the page, not these media: others would fail as well. */
  readonly isOfAll: boolean

  constructor(reason: string, isOfAll: boolean, options?: ErrorOptions) {
    super(reason, options)
    this.name = 'MediaTrouble'
    this.isOfAll = isOfAll
  }
}

/** What a file system says when it takes no more, or nothing at all. */
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

/** How puppeteer says that there is no page to ask, or that it does not answer. */
const pageIsLost =
  /Target closed|Session closed|Connection closed|detached|context was destroyed|disconnected|page is closed|no answer within|timed out/i

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
