import type { Ad, Order, Payment, Product } from '../../../contract/content.ts'
import {
  asCount,
  asNumber,
  asObject,
  asText,
  asWords,
  isRaw,
  stripOrNone,
  type Raw
} from './raw.ts'

/** Ads, orders, products and payments. Names: WAWebMsgModel of WhatsApp Web. */

const isOf = (raw: Raw, type: string): boolean => raw['type'] === type

/**
 * The ad that the chat was opened from: the page's own field, or the context of WhatsApp's
 * protocol.
 */
export const adOf = (raw: Raw): Ad | undefined => {
  const context = asObject(raw['ctwaContext'])
  const info = asObject(raw['contextInfo'])
  const reply = asObject(info['externalAdReply'])
  return stripOrNone({
    title: asWords(context['title']) ?? asWords(reply['title']),
    body: asWords(context['description']) ?? asWords(reply['body']),
    url: asWords(context['sourceUrl']) ?? asWords(reply['sourceUrl']),
    id: asWords(context['sourceId']) ?? asWords(reply['sourceId']),
    type: asWords(context['sourceType']) ?? asWords(reply['sourceType']),
    app:
      asWords(context['sourceApp']) ??
      asWords(reply['sourceApp']) ??
      asWords(context['conversionSource']),
    click_id: asWords(context['ctwaClid']) ?? asWords(reply['ctwaClid'])
  })
}

/** Names of numbered states; a number without a name stays a number. */
const nameOf = (names: Readonly<Record<number, string>>, value: unknown): string | undefined => {
  const number = asNumber(value)
  if (number === undefined) return asWords(value)?.toLowerCase()
  return names[number] ?? String(number)
}

const orderStatus = { 1: 'inquiry', 2: 'accepted', 3: 'declined' }

const paymentStatus = {
  0: 'unknown',
  1: 'processing',
  2: 'sent',
  3: 'need_to_accept',
  4: 'complete',
  5: 'could_not_complete',
  6: 'refunded',
  7: 'expired',
  8: 'rejected',
  9: 'cancelled',
  10: 'waiting_for_payer',
  11: 'waiting'
}

const asAmount = (value: unknown): number | undefined => {
  const number = asNumber(value)
  return number === undefined || !Number.isSafeInteger(Math.round(number))
    ? undefined
    : Math.round(number)
}

export const orderOf = (raw: Raw): Order | undefined => {
  if (!isOf(raw, 'order')) return undefined
  return stripOrNone({
    id: asText(raw['orderId']),
    title: asWords(raw['orderTitle']),
    items: asCount(raw['itemCount']),
    status: nameOf(orderStatus, raw['status']),
    amount1000: asAmount(raw['totalAmount1000']),
    currency: asText(raw['totalCurrencyCode'])
  })
}

/**
 * A product, also as the header of an interactive message. The price is the reduced one where there
 * is one.
 */
export const productOf = (raw: Raw): Product | undefined => {
  if (!isOf(raw, 'product') && asText(raw['productId']) === undefined) return undefined
  return stripOrNone({
    id: asText(raw['productId']),
    title: asWords(raw['title']),
    description: asWords(raw['description']),
    url: asText(raw['url']),
    retailer_id: asText(raw['retailerId']),
    amount1000: asAmount(raw['salePriceAmount1000']) || asAmount(raw['priceAmount1000']),
    currency: asText(raw['currencyCode'])
  })
}

/** WhatsApp Web calls a payment without a note `futureproof`, whether it was asked for or sent. */
const paymentKind = (subtype: unknown): Payment['kind'] =>
  subtype === 'request' || subtype === 'send' ? subtype : undefined

export const paymentOf = (raw: Raw): Payment | undefined => {
  if (!isOf(raw, 'payment')) return undefined
  const note = raw['paymentNoteMsg']
  return stripOrNone({
    kind: paymentKind(raw['subtype']),
    status: nameOf(paymentStatus, raw['paymentStatus']),
    note: isRaw(note) ? asWords(note['body']) : asWords(note),
    amount1000: asAmount(raw['paymentAmount1000']),
    currency: asText(raw['paymentCurrency'])
  })
}
