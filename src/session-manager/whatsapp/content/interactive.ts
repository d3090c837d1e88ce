import type { Card, Choice, Interactive } from '../../../contract/content.ts'
import { asList, asObject, asText, asWords, isRaw, stripOrNone, type Raw } from './raw.ts'

/** Maps buttons, lists, templates, flows and carousels, and what a person chose. */

/** JSON in a text, as native flows have it; an empty object for anything else. */
const parseObject = (value: unknown): Raw => {
  const text = asText(value)
  if (text === undefined) return asObject(value)
  try {
    return asObject(JSON.parse(text))
  } catch {
    return {} // A button without readable parameters has no label that could be shown.
  }
}

const choice = (facts: {
  id?: unknown
  text?: unknown
  url?: unknown
  phone?: unknown
}): Choice[] => {
  const text = asWords(facts.text)
  if (text === undefined) return []
  const rest = stripOrNone({
    id: asText(facts.id),
    url: asText(facts.url),
    phone: asText(facts.phone)
  })
  return [{ text, ...rest }]
}

const replyButton = (button: Raw): Choice[] =>
  choice({
    id: button['buttonId'],
    text: asObject(button['buttonText'])['displayText'] ?? button['displayText']
  })

const templateButton = (button: Raw): Choice[] => {
  const [link, reply, call] = ['urlButton', 'quickReplyButton', 'callButton'].map((name) =>
    asObject(button[name])
  )
  return [
    ...choice({ text: link?.['displayText'], url: link?.['url'] }),
    ...choice({ text: reply?.['displayText'], id: reply?.['id'] }),
    ...choice({ text: call?.['displayText'], phone: call?.['phoneNumber'] })
  ]
}

const listRow = (row: Raw): Choice[] =>
  choice({ id: row['rowId'] ?? row['id'], text: row['title'] })
const rowsOf = (sections: unknown): Choice[] =>
  asList(sections).flatMap((section) => asList(section['rows']).flatMap(listRow))

/** A button of a native flow is one choice, or opens a list of choices. */
const flowButton = (button: Raw): Choice[] => {
  const params = parseObject(button['buttonParamsJson'])
  const rows = rowsOf(params['sections'])
  if (rows.length > 0) return rows
  return choice({
    id: params['id'],
    text: params['display_text'] ?? params['title'],
    url: params['url'],
    phone: params['phone_number']
  })
}

const flowButtons = (raw: Raw): Choice[] => {
  const payload = asObject(raw['interactivePayload'])
  return [...asList(payload['buttons']), ...asList(raw['nativeFlowButtons'])].flatMap(flowButton)
}

const orNone = <T>(items: T[]): T[] | undefined => (items.length === 0 ? undefined : items)

const cardOf = (raw: Raw): Card[] => {
  const header = asObject(raw['interactiveHeader'])
  const card = stripOrNone({
    title: asWords(header['title']) ?? asWords(raw['title']),
    body: asWords(raw['caption']),
    choices: orNone(flowButtons(raw))
  })
  return card === undefined ? [] : [card]
}

/** Fields that only a message with something to choose from has. */
const isInteractive = (raw: Raw): boolean =>
  raw['type'] === 'interactive' ||
  raw['type'] === 'native_flow' ||
  raw['type'] === 'list' ||
  raw['isFromTemplate'] === true ||
  raw['isDynamicReplyButtonsMsg'] === true ||
  asList(raw['hydratedButtons']).length > 0 ||
  asList(raw['dynamicReplyButtons']).length > 0

export const interactiveOf = (raw: Raw): Interactive | undefined => {
  if (!isInteractive(raw)) return undefined
  const list = asObject(raw['list'])
  const header = asObject(raw['interactiveHeader'])
  const choices = [
    ...asList(raw['dynamicReplyButtons']).flatMap(replyButton),
    ...asList(raw['hydratedButtons']).flatMap(templateButton),
    ...rowsOf(list['sections']),
    ...flowButtons(raw)
  ]
  return stripOrNone({
    title: asWords(list['title']) ?? asWords(header['title']) ?? asWords(raw['title']),
    footer: asWords(raw['footer']),
    button: asWords(list['buttonText']),
    choices: orNone(choices),
    cards: orNone(asList(raw['carouselCardsParsed']).flatMap(cardOf))
  })
}

/** The id of what a person chose. */
export const selectedOf = (raw: Raw): string | undefined => {
  switch (raw['type']) {
    case 'buttons_response':
      return asText(raw['selectedButtonId'])
    case 'list_response':
      return asText(asObject(asObject(raw['listResponse'])['singleSelectReply'])['selectedRowId'])
    case 'template_button_reply':
      return asText(raw['selectedId'])
    case 'interactive_response':
      return isRaw(raw['interactivePayload'])
        ? asText(parseObject(raw['interactivePayload']['paramsJson'])['id'])
        : undefined
    default:
      return undefined
  }
}
