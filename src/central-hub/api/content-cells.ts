import type { Message } from '../../contract/lead.ts'
import { contactNames } from '../store/database/terms.ts'

/** The content of a message beside its text, as columns of a table. */

interface Amount {
  amount1000?: number
  currency?: string
}

/** The columns of an export, after those of every message. */
export const contentColumns = [
  'ad_title',
  'ad_id',
  'ad_app',
  'ad_url',
  'order_title',
  'order_items',
  'product_title',
  'amount',
  'currency',
  'payment_status',
  'payment_note',
  'choices',
  'selected',
  'event_name',
  'event_starts_at',
  'event_place',
  'group_invite',
  'call',
  'call_video',
  'call_seconds',
  'album_id',
  'place',
  'contacts',
  'poll_results',
  'phone_only',
  'bot'
] as const

/** In units of the currency. */
const amountOf = ({ amount1000, currency }: Amount = {}) => ({
  amount: amount1000 === undefined ? undefined : amount1000 / 1_000,
  currency
})

const saleCells = ({ ad, order, product, payment }: Message) => ({
  ad_title: ad?.title,
  ad_id: ad?.id,
  ad_app: ad?.app,
  ad_url: ad?.url,
  order_title: order?.title,
  order_items: order?.items,
  product_title: product?.title,
  payment_status: payment?.status,
  payment_note: payment?.note,
  ...amountOf(order ?? product ?? payment)
})

const otherCells = ({ event, group_invite, call, location, contacts, poll_results }: Message) => ({
  event_name: event?.name,
  event_starts_at: event?.starts_at,
  event_place: event?.place,
  group_invite: group_invite?.name,
  call: call?.outcome,
  call_video: call?.video,
  call_seconds: call?.seconds,
  place: [location?.name, location?.address].filter(Boolean).join(', '),
  contacts: contactNames(contacts ?? []).join(', '),
  poll_results: poll_results?.map(({ option, votes }) => `${option}: ${votes}`).join(', ')
})

/** A cell for each column. It is empty if the message does not have it. */
export const contentCells = (
  message: Message
): Record<(typeof contentColumns)[number], unknown> => {
  const { interactive, selected, album_id, phone_only, bot } = message
  const choices = interactive?.choices?.map(({ text }) => text).join(', ')
  return {
    ...saleCells(message),
    ...otherCells(message),
    choices,
    selected,
    album_id,
    phone_only,
    bot
  }
}
