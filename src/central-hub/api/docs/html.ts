/** HTML made by templates. A value in a template is escaped unless a template made it. */
export interface Html {
  readonly html: string
}
type Value = Html | string | number | readonly Html[]

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;'
}
const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (letter) => escapes[letter] as string)

const toHtml = (value: Value): string => {
  if (typeof value === 'string' || typeof value === 'number') return escaped(String(value))
  return 'html' in value ? value.html : value.map(({ html }) => html).join('')
}

export const html = (parts: TemplateStringsArray, ...values: readonly Value[]): Html => ({
  html: parts.map((part, index) => part + toHtml(values[index] ?? '')).join('')
})

export const none: Html = { html: '' }

/** A line of the little Markdown that descriptions use: `code`, **bold** and addresses. */
export const inline = (text: string): Html => ({
  html: escaped(text)
    .replace(/`([^`]+)`/g, '<code>$1</code>')
    .replace(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>')
    .replace(/https:\/\/[\w./-]*[\w/]/g, '<a href="$&">$&</a>')
})

/** Paragraphs of the same Markdown. */
export const prose = (text: string | undefined): Html =>
  html`${(text ?? '')
    .split('\n\n')
    .filter((part) => part !== '')
    .map((part) => html`<p>${inline(part)}</p>\n`)}`
