import { h } from './dom.js'
import { explain, texts } from './texts.js'

/** An error as the page shows it: plain words, the hub's own detail, and a way to try again.
 * @param {unknown} error @param {() => void} [again] */
export const errorNote = (error, again) => {
  const { words, detail } = explain(error)
  return h(
    'div',
    { class: 'error note', role: 'alert' },
    h('p', {}, words),
    // the hub speaks English
    detail && h('p', { class: 'small', lang: 'en' }, detail),
    again && h('button', { type: 'button', onclick: again }, texts.tryAgain)
  )
}
