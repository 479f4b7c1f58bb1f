import { useState } from 'preact/hooks'
import { counted, duration, instant, reasonName } from '../format.js'
import { html } from '../html.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const RANGES = [
  { name: '1 hour', last: 'hour', spanMs: HOUR_MS, ticks: 6 },
  { name: '24 hours', spanMs: DAY_MS, ticks: 6 },
  { name: '7 days', spanMs: 7 * DAY_MS, ticks: 7 },
  { name: '30 days', spanMs: 30 * DAY_MS, ticks: 6 },
  { name: '1 year', last: 'year', spanMs: 365 * DAY_MS, ticks: 12 },
]
const WIDTH = 960
const LANE_TOP = 6
const LANE_HEIGHT = 26

/**
 * When the apps were suspended, on a line of time that ends now.
 * @param {{ suspensions: import('../shapes.js').Suspension[], nowMs: number }} properties
 */
export function SuspensionTimeline({ suspensions, nowMs }) {
  const [chosen, setChosen] = useState(/** @type {number | undefined} */ (undefined))
  const newestMs = Date.parse(suspensions[0]?.endedAt ?? new Date(nowMs).toISOString())
  const fitting = RANGES.findIndex(({ spanMs }) => nowMs - newestMs < spanMs * 0.9)
  const index = chosen ?? (fitting === -1 ? RANGES.length - 1 : fitting)
  const range = /** @type {typeof RANGES[number]} */ (RANGES[index])
  const startMs = nowMs - range.spanMs
  const bars = suspensions
    .map((suspension) => barOf(suspension, startMs, nowMs))
    .filter((bar) => bar !== undefined)
  const totalMs = bars.reduce((sum, { lengthMs }) => sum + lengthMs, 0)
  const summary =
    bars.length === 0
      ? `No suspension in the last ${range.last ?? range.name}.`
      : `${counted(bars.length, 'suspension')} in the last ${range.last ?? range.name}, ${duration(totalMs)} in all.`
  return html`<figure class="timeline">
    <figcaption>
      <span>${summary}</span>
      <span class="segments" role="group" aria-label="Range of the timeline">
        ${RANGES.map(
          ({ name }, each) =>
            html`<button
              type="button"
              key=${name}
              aria-pressed=${each === index}
              onClick=${() => setChosen(each)}
            >
              ${name}
            </button>`,
        )}
      </span>
    </figcaption>
    <svg
      viewBox=${`0 0 ${WIDTH} 56`}
      role="img"
      aria-label=${`Timeline of suspensions. ${summary} The table below lists them.`}
    >
      <rect class="lane" x="0" y=${LANE_TOP} width=${WIDTH} height=${LANE_HEIGHT} />
      ${ticksOf(range, startMs).map(
        ({ x, text, anchor }) =>
          html`<g key=${x}
            ><line class="tick" x1=${x} x2=${x} y1=${LANE_TOP} y2=${LANE_TOP + LANE_HEIGHT + 4} /><text
              class="tick-text"
              x=${x}
              y="50"
              text-anchor=${anchor}
              >${text}</text
            ></g
          >`,
      )}
      ${bars.map(
        ({ suspension, x, width }) =>
          html`<rect
            key=${suspension.id}
            class=${suspension.reason === 'operator' ? 'bar-operator' : 'bar-denied'}
            x=${x}
            y=${LANE_TOP}
            width=${width}
            height=${LANE_HEIGHT}
            ><title>${titleOf(suspension)}</title></rect
          >`,
      )}
    </svg>
    <p class="legend" aria-hidden="true">
      <span class="key key-served"></span>not suspended <span class="key key-denied"></span>denied by AWS
      <span class="key key-operator"></span>suspended by an operator
    </p>
  </figure>`
}

/** @param {import('../shapes.js').Suspension} suspension @param {number} startMs @param {number} nowMs */
function barOf(suspension, startMs, nowMs) {
  const fromMs = Math.max(startMs, Date.parse(suspension.since))
  const toMs = suspension.endedAt === null ? nowMs : Date.parse(suspension.endedAt)
  if (toMs < startMs) return undefined
  const scale = WIDTH / (nowMs - startMs)
  // Short ones stay visible.
  const width = Math.max(3, (toMs - fromMs) * scale)
  const x = Math.min((fromMs - startMs) * scale, WIDTH - width)
  return { suspension, x, width, lengthMs: Math.max(0, toMs - fromMs) }
}

/** @param {typeof RANGES[number]} range @param {number} startMs */
function ticksOf({ spanMs, ticks }, startMs) {
  return Array.from({ length: ticks + 1 }, (_, index) => {
    const at = instant(new Date(startMs + (spanMs * index) / ticks).toISOString())
    const last = index === ticks
    return {
      x: (WIDTH * index) / ticks,
      text: last ? 'now' : spanMs <= DAY_MS ? at.slice(11, 16) : at.slice(5, 10),
      anchor: index === 0 ? 'start' : last ? 'end' : 'middle',
    }
  })
}

/** @param {import('../shapes.js').Suspension} suspension */
function titleOf({ reason, region, since, endedAt, durationMs }) {
  const where = region === null ? '' : ` in ${region}`
  const until = endedAt === null ? 'until now' : `for ${duration(durationMs ?? 0)}`
  return `${reasonName(reason)}${where}, ${instant(since)} UTC, ${until}`
}
