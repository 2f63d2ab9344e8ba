/** Dots that move along edges, a bounded number of them, however much happens. */

import { set, svg } from "./elements.js";

const MOST = 120;
const EACH = 4;
const TRAVEL = 1_400;
const APART = 130;
const STEPS = 40;

/** @typedef {{ element: SVGElement, places: DOMPoint[], begins: number, done: () => void }} Dot */

/** One dot is one person; a larger one several, when more come than can be told apart. */
export class Dots {
  /** @param {SVGElement} layer */
  constructor(layer) {
    this.layer = layer;
    /** @type {Dot[]} */
    this.moving = [];
    /** @type {SVGElement[]} */
    this.idle = [];
    /** @type {WeakMap<SVGPathElement, DOMPoint[]>} */
    this.places = new WeakMap();
    this.frame = 0;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
  }

  /**
   * Sends so many persons along a path. Nothing moves for who does not want motion, or does not look.
   * @param {SVGPathElement} path
   * @param {number} count
   * @param {string} kind a class, for the colour
   * @param {() => void} arrived called when each dot arrives
   */
  send(path, count, kind, arrived) {
    if (this.still.matches || document.hidden) {
      arrived();
      return;
    }
    const dots = Math.min(count, EACH, MOST - this.moving.length);
    for (let number = 0; number < dots; number++) {
      const persons = Math.floor((count + number) / dots);
      const element = this.idle.pop() ?? svg("circle");
      set(element, {
        class: `dot ${kind}`,
        r: (3.2 + Math.min(4.5, Math.log2(persons))).toFixed(1),
        cx: 0,
        cy: 0,
        transform: "translate(-99 -99)",
      });
      this.layer.append(element);
      this.moving.push({
        element,
        places: this.#placesOf(path),
        begins: performance.now() + number * APART,
        done: arrived,
      });
    }
    if (!this.frame && this.moving.length) this.frame = requestAnimationFrame((now) => this.#move(now));
  }

  /** Takes all away, as when edges move to other places. */
  clear() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    for (const dot of this.moving) dot.element.remove();
    this.moving = [];
  }

  /** @param {number} now */
  #move(now) {
    this.moving = this.moving.filter((dot) => {
      const way = (now - dot.begins) / TRAVEL;
      if (way >= 1) {
        dot.element.remove();
        this.idle.push(dot.element);
        dot.done();
        return false;
      }
      if (way >= 0) {
        // Slow at both ends, so that the eye can follow where it comes from and where it goes.
        const eased = way < 0.5 ? 2 * way * way : 1 - 2 * (1 - way) * (1 - way);
        const place = eased * STEPS;
        const from = dot.places[Math.floor(place)];
        const to = dot.places[Math.min(Math.floor(place) + 1, STEPS)];
        const part = place % 1;
        const x = from.x + (to.x - from.x) * part;
        const y = from.y + (to.y - from.y) * part;
        dot.element.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
      }
      return true;
    });
    this.frame = this.moving.length ? requestAnimationFrame((next) => this.#move(next)) : 0;
  }

  /** @param {SVGPathElement} path */
  #placesOf(path) {
    let places = this.places.get(path);
    if (!places) {
      const length = path.getTotalLength();
      places = Array.from({ length: STEPS + 1 }, (_, step) => path.getPointAtLength((length * step) / STEPS));
      this.places.set(path, places);
    }
    return places;
  }
}
