import { useId } from 'preact/hooks'
import { html } from '../html.js'

/**
 * A labelled input with its hint.
 * @param {{ label: string, value: string, onInput: (value: string) => void, hint?: string, [attribute: string]: any }} properties
 */
export function Field({ label, value, onInput, hint, ...attributes }) {
  const id = useId()
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <input
      id=${id}
      value=${value}
      aria-describedby=${hint && `${id}-hint`}
      autocomplete="off"
      spellcheck=${false}
      ...${attributes}
      onInput=${(/** @type {Event & { currentTarget: HTMLInputElement }} */ event) => onInput(event.currentTarget.value)}
    />
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
  </div>`
}

/**
 * A labelled choice.
 * @param {{ label: string, value: string, onChange: (value: string) => void, options: readonly { value: string, name: string }[], hint?: string, [attribute: string]: any }} properties
 */
export function Choice({ label, value, onChange, options, hint, ...attributes }) {
  const id = useId()
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <select
      id=${id}
      value=${value}
      aria-describedby=${hint && `${id}-hint`}
      ...${attributes}
      onChange=${(/** @type {Event & { currentTarget: HTMLSelectElement }} */ event) => onChange(event.currentTarget.value)}
    >
      ${options.map((option) => html`<option key=${option.value} value=${option.value}>${option.name}</option>`)}
    </select>
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
  </div>`
}

/**
 * A labelled choice of any number.
 * @param {{ legend: string, chosen: readonly string[], onChange: (chosen: string[]) => void,
 *   options: readonly { value: string, name: string }[], hint?: string }} properties
 */
export function Choices({ legend, chosen, onChange, options, hint }) {
  const toggle = (/** @type {string} */ value) =>
    onChange(chosen.includes(value) ? chosen.filter((other) => other !== value) : [...chosen, value])
  return html`<fieldset>
    <legend>${legend}</legend>
    ${options.map(
      ({ value, name }) =>
        html`<label class="check" key=${value}
          ><input
            type="checkbox"
            value=${value}
            checked=${chosen.includes(value)}
            onChange=${() => toggle(value)}
          />${' '}${name}</label
        >`,
    )}
    ${hint && html`<p class="hint">${hint}</p>`}
  </fieldset>`
}
