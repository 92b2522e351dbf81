/**
 * `<faltung-figure spec="figure=conv2d&stride=2&padding=1"></faltung-figure>`: a figure in anybody's page, from one
 * script file. Attributes: `spec` (as in a link of the lab), `lang` (en, ko; else the page's), `theme` (light, dark;
 * else the reader's), `autoplay`. Space, arrows, Home, End; pointing at a cell shows its sum.
 */
import { type Lang, type Picture, fromQuery, openIn, toSvg } from "@faltung/figure";

const WORDS = {
  play: { en: "Play or pause", ko: "재생/일시정지" },
  back: { en: "One step back", ko: "한 단계 뒤로" },
  forth: { en: "One step forth", ko: "한 단계 앞으로" },
  step: { en: "Step", ko: "단계" },
} as const;

/** Followed by a sign that asks for text: phones would draw a coloured picture. */
const PLAY = "▶\ufe0e";

const STYLE = `
:host { display: block; max-width: 100%; font: 15px/1.5 system-ui, sans-serif; }
.stage svg { display: block; max-width: 100%; height: auto; margin: 0 auto; }
.stage:focus-visible { outline: 3px solid #0b6bb0; outline-offset: 2px; }
.stage [data-step] { cursor: pointer; }
.bar { display: flex; gap: 0.4em; align-items: center; justify-content: center; max-width: 34em; margin: 0.3em auto; }
.bar input { flex: 1; min-width: 4em; accent-color: #0b6bb0; }
button { font: inherit; min-width: 2.4em; padding: 0.15em 0.5em; cursor: pointer; border: 1px solid #8885; border-radius: 6px; background: #8881; color: inherit; }
output { font-variant-numeric: tabular-nums; }
.sentence { text-align: center; min-height: 1.5em; margin: 0.3em 0; font-variant-numeric: tabular-nums; }
.problem { color: #c04e08; border: 1px solid; border-radius: 6px; padding: 0.5em 0.8em; }
`;

class FaltungFigure extends HTMLElement {
  static readonly observedAttributes: readonly string[] = ["spec", "lang", "theme"];

  readonly #root: ShadowRoot = this.attachShadow({ mode: "open" });
  #picture: Picture | undefined;
  #step = 0;
  #playing = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #observer: ResizeObserver | undefined;
  #width = 0;
  readonly #dark = matchMedia("(prefers-color-scheme: dark)");
  readonly #recolour = (): void => {
    if (this.#width > 0 && !this.hasAttribute("theme")) this.#open();
  };

  connectedCallback(): void {
    this.#dark.addEventListener("change", this.#recolour);
    // As a block, it has a width to measure.
    this.#root.innerHTML = `<style>${STYLE}</style>`;
    this.#observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width / 20) * 20;
      if (width === this.#width || width === 0) return;
      this.#width = width;
      this.#open();
    });
    this.#observer.observe(this);
  }

  disconnectedCallback(): void {
    this.#observer?.disconnect();
    this.#dark.removeEventListener("change", this.#recolour);
    clearTimeout(this.#timer);
  }

  attributeChangedCallback(): void {
    if (this.#width > 0) this.#open();
  }

  get #lang(): Lang {
    const wish = this.getAttribute("lang") ?? this.closest("[lang]")?.getAttribute("lang") ?? navigator.language;
    return wish.startsWith("ko") ? "ko" : "en";
  }

  #open(): void {
    const theme = this.getAttribute("theme") ?? (this.#dark.matches ? "dark" : "light");
    const text = (this.getAttribute("spec") ?? "").replace(/^\?/, "");
    const first = this.#picture === undefined;
    try {
      const spec = { lang: this.#lang, theme, ...fromQuery(`?${text}`) };
      this.#picture = openIn(spec, this.#width);
    } catch (error) {
      this.#root.innerHTML = `<style>${STYLE}</style><p class="problem" role="alert"></p>`;
      const place = this.#root.querySelector("p");
      if (place) place.textContent = error instanceof Error ? error.message : String(error);
      this.#picture = undefined;
      return;
    }
    const { steps, still } = this.#picture;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (first) {
      this.#playing = this.hasAttribute("autoplay") && !calm;
      this.#step = this.#playing ? 0 : still;
    }
    this.#step = Math.min(this.#step, steps - 1);
    this.#build(steps);
    this.#draw();
  }

  #build(steps: number): void {
    const lang = this.#lang;
    const button = (name: "back" | "play" | "forth", sign: string): string =>
      `<button type="button" data-do="${name}" aria-label="${WORDS[name][lang]}">${sign}</button>`;
    this.#root.innerHTML =
      `<style>${STYLE}</style><div class="stage" tabindex="0" role="group"></div>` +
      (steps > 1
        ? `<div class="bar">${button("back", "‹")}${button("play", PLAY)}${button("forth", "›")}` +
          `<input type="range" min="0" max="${steps - 1}" aria-label="${WORDS.step[lang]}"><output></output></div>`
        : "") +
      `<p class="sentence" aria-live="polite"></p>`;
    const stage = this.#root.querySelector<HTMLElement>(".stage");
    const range = this.#root.querySelector("input");
    const actions = {
      back: () => this.show(this.#step - 1),
      forth: () => this.show(this.#step + 1),
      play: () => this.toggle(),
    };
    for (const [name, action] of Object.entries(actions)) {
      this.#root.querySelector(`[data-do=${name}]`)?.addEventListener("click", action);
    }
    range?.addEventListener("input", () => this.show(Number(range.value)));
    stage?.addEventListener("keydown", (event) => {
      const to = { ArrowRight: this.#step + 1, ArrowLeft: this.#step - 1, Home: 0, End: steps - 1 }[event.key];
      if (to !== undefined) this.show(to);
      else if (event.key === " ") this.toggle();
      else return;
      event.preventDefault();
    });
    const point = (event: Event): void => {
      const cell = event.target instanceof Element ? event.target.closest<SVGGElement>("[data-step]") : null;
      const step = Number(cell?.dataset["step"] ?? Number.NaN);
      if (Number.isInteger(step) && step !== this.#step) this.show(step);
    };
    stage?.addEventListener("pointermove", point);
    stage?.addEventListener("click", point);
  }

  /** Pauses at a step. */
  show(step: number): void {
    this.#playing = false;
    this.#step = Math.max(0, Math.min((this.#picture?.steps ?? 1) - 1, step));
    this.#draw();
  }

  /** Plays, or pauses; one step where the reader wants less motion. */
  toggle(): void {
    const last = (this.#picture?.steps ?? 1) - 1;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches)
      return this.show(this.#step < last ? this.#step + 1 : 0);
    this.#playing = !this.#playing;
    if (this.#playing && this.#step === last) this.#step = 0;
    this.#draw();
  }

  #draw(): void {
    clearTimeout(this.#timer);
    const picture = this.#picture;
    if (!picture) return;
    const stage = this.#root.querySelector<HTMLElement>(".stage");
    const sentence = this.#root.querySelector<HTMLElement>(".sentence");
    const range = this.#root.querySelector("input");
    const output = this.#root.querySelector("output");
    if (stage) {
      stage.innerHTML = toSvg(picture.scene(this.#step), { width: picture.width, interactive: true });
      stage.setAttribute("aria-label", picture.title);
    }
    if (range) range.value = String(this.#step);
    if (output) output.textContent = `${this.#step + 1}/${picture.steps}`;
    if (sentence) {
      sentence.setAttribute("aria-live", this.#playing ? "off" : "polite");
      sentence.textContent = picture.sentence(this.#step);
    }
    const play = this.#root.querySelector("[data-do=play]");
    if (play) play.textContent = this.#playing ? "❚❚" : PLAY;
    if (!this.#playing) return;
    this.#timer = setTimeout(() => {
      this.#step = this.#step < picture.steps - 1 ? this.#step + 1 : 0;
      this.#draw();
    }, picture.ms(this.#step));
  }
}

if (!customElements.get("faltung-figure")) customElements.define("faltung-figure", FaltungFigure);
