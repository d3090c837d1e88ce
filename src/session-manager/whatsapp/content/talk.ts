import type {
  Album,
  CalendarEvent,
  Call,
  GroupInvite,
  PhoneOnly
} from '../../../contract/content.ts'
import type { CapturedMessage } from '../../../contract/record.ts'
import {
  asCount,
  asId,
  asIds,
  asIsoTime,
  asList,
  asNumber,
  asObject,
  asText,
  asWords,
  isRaw,
  keyOf,
  strip,
  type Raw
} from './raw.ts'
import { isViewOnceWithoutFile } from './media.ts'

/** Places, contacts, polls, events, invitations, calls, albums, and what the phone alone shows. */

export const locationOf = (raw: Raw): CapturedMessage['location'] => {
  const [latitude, longitude] = [asNumber(raw['lat']), asNumber(raw['lng'])]
  if (raw['type'] !== 'location' || latitude === undefined || longitude === undefined)
    return undefined
  const [name, address] = (asWords(raw['loc']) ?? '').split('\n')
  const live = raw['isLive'] === true ? true : undefined
  return strip({ latitude, longitude, name: asText(name), address: asText(address), live })
}

/** vCards. */
export const contactsOf = (raw: Raw): string[] | undefined => {
  if (raw['type'] === 'multi_vcard')
    return asList(raw['vcardList']).flatMap((card) => asWords(card['vcard']) ?? [])
  return raw['type'] === 'vcard' ? [asWords(raw['body']) ?? ''] : undefined
}

export const pollOf = (raw: Raw): CapturedMessage['poll'] => {
  if (raw['type'] !== 'poll_creation' || !Array.isArray(raw['pollOptions'])) return undefined
  const options = asList(raw['pollOptions']).flatMap((option) => asText(option['name']) ?? [])
  return { options, multiple: !asNumber(raw['pollSelectableOptionsCount']) }
}

export const pollResultsOf = (raw: Raw): CapturedMessage['poll_results'] => {
  if (raw['type'] !== 'poll_result_snapshot') return undefined
  return asList(asObject(raw['pollVotesSnapshot'])['pollVotes']).flatMap((result) => {
    const option = asText(result['optionName']) ?? asText(asObject(result['option'])['name'])
    return option === undefined ? [] : [{ option, votes: asCount(result['optionVoteCount']) ?? 0 }]
  })
}

const placeOf = (location: unknown): string | undefined => {
  if (!isRaw(location)) return asWords(location)
  const parts = [asWords(location['name']), asWords(location['address'])].filter(
    (part) => part !== undefined
  )
  return parts.length === 0 ? undefined : parts.join(', ')
}

export const eventOf = (raw: Raw): CalendarEvent | undefined => {
  const name = asWords(raw['eventName'])
  if (raw['type'] !== 'event_creation' || name === undefined) return undefined
  return strip({
    name,
    description: asWords(raw['eventDescription']),
    starts_at: asIsoTime(raw['eventStartTime']),
    ends_at: asIsoTime(raw['eventEndTime']),
    place: placeOf(raw['eventLocation']),
    link: asText(raw['eventJoinLink']),
    canceled: raw['isEventCanceled'] === true ? true : undefined
  })
}

/** The invitation's code is a secret, and stays out. */
export const groupInviteOf = (raw: Raw): GroupInvite | undefined => {
  if (raw['type'] !== 'groups_v4_invite') return undefined
  return strip({
    group_id: asId(raw['inviteGrp']),
    name: asWords(raw['inviteGrpName']),
    expires_at: asIsoTime(raw['inviteCodeExp'])
  })
}

/** CallOutcome of WAWebCallLogMsgData, in lower case. */
const outcomes: Readonly<Record<string, Call['outcome']>> = {
  acceptedelsewhere: 'answered',
  canceled: 'canceled',
  cancelled: 'canceled',
  completed: 'answered',
  connected: 'answered',
  missed: 'missed',
  rejected: 'rejected'
}

const outcomeOf = (raw: Raw, seconds: number): Call['outcome'] => {
  if (seconds > 0) return 'answered'
  for (const field of ['finalCallOutcome', 'callOutcome']) {
    const outcome = outcomes[(asText(raw[field]) ?? '').toLowerCase()]
    if (outcome !== undefined) return outcome
  }
  return asText(raw['subtype'])?.startsWith('miss') === true ? 'missed' : 'unknown'
}

/** `from_me` of its message is the direction. */
export const callOf = (raw: Raw): Call | undefined => {
  if (raw['type'] !== 'call_log') return undefined
  const seconds = asCount(raw['callDuration'])
  const subtype = asText(raw['subtype']) ?? ''
  const remote = asId(asObject(raw['id'])['remote']) ?? asId(raw['from']) ?? ''
  const isGroup =
    remote.endsWith('@g.us') ||
    subtype.includes('group') ||
    asList(raw['callParticipants']).length > 2
  return strip({
    outcome: outcomeOf(raw, seconds ?? 0),
    video: raw['isVideoCall'] === true || subtype.includes('video'),
    group: isGroup ? true : undefined,
    seconds: seconds === 0 ? undefined : seconds
  })
}

export const albumOf = (raw: Raw): Album | undefined => {
  if (raw['type'] !== 'album') return undefined
  return strip({
    images: asCount(raw['expectedImageCount']),
    videos: asCount(raw['expectedVideoCount'])
  })
}

/** The album that a photo or video belongs to. */
export const albumIdOf = (raw: Raw): string | undefined => {
  const isInAlbum = raw['associationType'] === 'MEDIA_ALBUM' || raw['viewMode'] === 'MEDIA_ALBUM'
  return isInAlbum ? keyOf(raw['parentMsgKey']) : undefined
}

/** Messages that a linked device never gets, by their subtype. */
const unavailable: Readonly<Record<string, PhoneOnly>> = {
  view_once_unavailable_fanout: 'view_once',
  hosted_unavailable_fanout: 'hosted',
  bot_unavailable_fanout: 'bot'
}

export const phoneOnlyOf = (raw: Raw): PhoneOnly | undefined => {
  const subtype = asText(raw['subtype']) ?? ''
  if (raw['type'] === 'ciphertext')
    return Object.hasOwn(unavailable, subtype) ? unavailable[subtype] : undefined
  if (raw['type'] === 'oversized') return 'oversized'
  if (raw['type'] === 'biz_content_placeholder' || subtype === 'phone_only_feature')
    return 'placeholder'
  if (raw['type'] === 'unknown' && asText(raw['futureproofType']) !== undefined)
    return 'placeholder'
  return isViewOnceWithoutFile(raw) ? 'view_once' : undefined
}

export const groupOf = (raw: Raw): CapturedMessage['group'] =>
  raw['type'] === 'gp2'
    ? strip({ subtype: asText(raw['subtype']), recipients: asIds(raw['recipients']) })
    : undefined

/** Meta's own bots, and answers that a business lets a bot give. */
export const isBot = (raw: Raw, sender: string): boolean =>
  sender.endsWith('@bot') ||
  /^1313555\d{4}@c\.us$/.test(sender) ||
  asText(raw['bizBotType']) !== undefined

/** Somebody's number changed: both addresses, the old one first. */
export const numberChangeOf = (raw: Raw): CapturedMessage['number_change'] => {
  if (raw['type'] !== 'notification_template' || raw['subtype'] !== 'change_number')
    return undefined
  const [from, to] = asIds(raw['templateParams'])
  return from === undefined || to === undefined ? undefined : { from, to }
}
