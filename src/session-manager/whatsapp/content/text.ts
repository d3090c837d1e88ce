import { asList, asObject, asText, asWords, type Raw } from './raw.ts'

/** The text of a message. Each type has it in a field of its own; `body` is often a thumbnail. */

type Read = (raw: Raw) => string | undefined

const nothing: Read = () => undefined
const caption: Read = (raw) => asWords(raw['caption'])

/** The caption of a file is its name when its sender wrote none. */
const fileCaption: Read = (raw) => {
  const text = caption(raw)
  if (raw['isCaptionByUser'] === true) return text
  return raw['isCaptionByUser'] === false || text === asText(raw['filename']) ? undefined : text
}

const interactiveText: Read = (raw) =>
  caption(raw) ?? asWords(raw['body']) ?? asWords(asObject(raw['interactiveHeader'])['title'])

/** Answers of a bot come in parts. */
const richText: Read = (raw) => {
  const parts = asList(asObject(raw['richResponse'])['submessages']).flatMap(
    (part) => asWords(part['messageText']) ?? []
  )
  return parts.length === 0 ? asWords(raw['body']) : parts.join('\n')
}

const readers: Readonly<Record<string, Read>> = {
  album: nothing,
  audio: caption,
  biz_content_placeholder: nothing,
  call_log: nothing,
  chat: (raw) => asText(raw['body']) ?? caption(raw),
  ciphertext: nothing,
  document: fileCaption,
  event_creation: (raw) => asWords(raw['eventName']),
  gif: caption,
  'group-history': nothing,
  groups_v4_invite: (raw) => asWords(raw['comment']) ?? caption(raw),
  image: caption,
  interactive: interactiveText,
  list: (raw) =>
    asWords(asObject(raw['list'])['description']) ?? asWords(asObject(raw['list'])['title']),
  loading_media: nothing,
  location: (raw) => asWords(raw['comment']) ?? caption(raw),
  multi_vcard: nothing,
  native_flow: interactiveText,
  newsletter_admin_invite: (raw) => asWords(asObject(raw['newsletterAdminInviteInfo'])['caption']),
  order: (raw) => asWords(raw['message']) ?? asWords(raw['orderTitle']),
  oversized: nothing,
  payment: (raw) => asWords(asObject(raw['paymentNoteMsg'])['body']),
  poll_creation: (raw) => asWords(raw['pollName']) ?? asWords(raw['body']),
  poll_result_snapshot: (raw) => asWords(raw['pollName']) ?? asWords(raw['body']),
  product: (raw) => caption(raw) ?? asWords(raw['title']),
  ptt: caption,
  ptv: caption,
  quarantined: (raw) => asWords(raw['quarantineExtractedText']),
  revoked: nothing,
  rich_response: richText,
  sticker: caption,
  'sticker-pack': fileCaption,
  vcard: nothing,
  video: caption
}

/** Of a type that is not known here: whatever of the usual fields holds a text. */
const anyText: Read = (raw) =>
  asWords(raw['body']) ?? caption(raw) ?? asWords(raw['pollName']) ?? asWords(raw['eventName'])

/** @returns an empty text for a message without any */
export const textOf = (raw: Raw): string => {
  const type = asText(raw['type']) ?? ''
  const read = Object.hasOwn(readers, type) ? readers[type] : undefined
  return (read ?? anyText)(raw) ?? ''
}
