/**
 * Puts values into the texts of en.json, es.json and pt.json. It needs no page: the terminal also
 * uses it.
 */

/**
 * A text, or one for each plural category of the language that whole numbers have:
 * `{ "one": "{count} lead", "other": "{count} leads" }`,
 * https://cldr.unicode.org/index/cldr-spec/plural-rules
 * @typedef {string | Readonly<{ other: string } & Record<string, string>>} Text
 */

/**
 * The form of a text for a count. @param {Text} text @param {unknown} count @param {string} locale
 */
const formOf = (text, count, locale) => {
  if (typeof text === 'string') return text
  return text[new Intl.PluralRules(locale).select(Number(count))] ?? text.other
}

/**
 * A text with a value in the place of each `{name}`. The value `count` decides on the plural form.
 * @param {Text} text
 * @param {Readonly<Record<string, string | number>>} values by name; numbers are written as the
 * locale has them
 * @param {string} locale
 */
export const fillText = (text, values, locale) =>
  formOf(text, values['count'], locale).replace(/\{(\w+)\}/g, (hole, name) => {
    const value = values[name] ?? hole
    return typeof value === 'number' ? new Intl.NumberFormat(locale).format(value) : value
  })
