import { h } from './dom.js'
import { readRichText } from './rich-text.js'
import { fill, texts } from './texts.js'

/**
 * The elements of a message's text. Each is made here, by name: nothing that was written becomes
 * markup.
 */

/** @typedef {import('./rich-text.js').Inline} Inline */
/** @typedef {import('./rich-text.js').Block} Block */

const tags = { bold: 'strong', italic: 'em', strike: 's' }

/**
 * A link that opens in another tab. A direction of reading that was written before it does not
 * reach into it; the style sheet shows beside it where it leads, if its text may deceive.
 * @param {import('./links.js').Link} link @param {string} [text] shown in place of the address
 */
export const linkNode = (link, text = link.text) => {
  const title = fill(texts.opensTab, { address: link.host ?? link.href })
  const to = {
    href: link.href,
    target: '_blank',
    rel: 'noopener noreferrer',
    title,
    'data-host': link.host
  }
  return h('a', to, h('bdi', {}, text))
}

/** @param {Inline} node @returns {Node} */
const inlineNode = (node) => {
  if (node.kind === 'text') return document.createTextNode(node.text)
  if (node.kind === 'link') return linkNode(node)
  if (node.kind === 'code') return h('code', { 'data-mark': node.mark }, node.text)
  return h(tags[node.kind], { 'data-mark': node.mark }, ...node.children.map(inlineNode))
}

/** @param {Block} block @returns {Node[]} */
const blockNodes = ({ kind, lines }) => {
  if (kind === 'bullets' || kind === 'numbers') {
    const items = lines.map(({ mark, value, children }) =>
      h('li', { value, 'data-mark': mark }, ...children.map(inlineNode))
    )
    return [h(kind === 'bullets' ? 'ul' : 'ol', { class: 'written' }, ...items)]
  }
  const inline = lines.flatMap(({ children }, index) => {
    const nodes = children.map(inlineNode)
    return index === 0 ? nodes : [document.createTextNode('\n'), ...nodes]
  })
  return kind === 'quote' ? [h('blockquote', { 'data-mark': '> ' }, ...inline)] : inline
}

/** A message's text. @param {string} text */
export const paragraph = (text) => {
  const blocks = readRichText(text)
  const isPlain = blocks.every(({ kind }) => kind === 'lines')
  if (isPlain) return h('p', { class: 'body', dir: 'auto' }, ...blocks.flatMap(blockNodes))
  const parts = blocks.flatMap((block) => {
    const nodes = blockNodes(block)
    return block.kind === 'lines' ? [h('p', { dir: 'auto' }, ...nodes)] : nodes
  })
  return h('div', { class: 'body', dir: 'auto' }, ...parts)
}
