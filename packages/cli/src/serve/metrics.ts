/** Counters in the text form of Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/ */

export interface Metrics {
  request(route: string, status: number, seconds: number): void;
  batch(pictures: number): void;
  text(gauges: Readonly<Record<string, number>>): string;
}

class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.#bounds.forEach((bound, i) => value <= bound && this.#counts[i]++);
    this.#sum += value;
    this.#count++;
  }

  lines(name: string, help: string): string[] {
    return [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} histogram`,
      ...this.#bounds.map((bound, i) => `${name}_bucket{le="${bound}"} ${this.#counts[i]}`),
      `${name}_bucket{le="+Inf"} ${this.#count}`,
      `${name}_sum ${this.#sum}`,
      `${name}_count ${this.#count}`,
    ];
  }
}

export function createMetrics(): Metrics {
  const requests = new Map<string, number>();
  const seconds = new Histogram([0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]);
  const pictures = new Histogram([1, 2, 4, 8, 16, 32, 64]);
  return {
    request(route, status, taken) {
      const labels = `{route="${route}",status="${status}"}`;
      requests.set(labels, (requests.get(labels) ?? 0) + 1);
      seconds.observe(taken);
    },
    batch: (n) => pictures.observe(n),
    text: (gauges) =>
      [
        "# HELP faltung_requests_total Requests that were answered.",
        "# TYPE faltung_requests_total counter",
        ...Array.from(requests, ([labels, n]) => `faltung_requests_total${labels} ${n}`),
        ...seconds.lines("faltung_request_seconds", "Time from a request to its answer."),
        ...pictures.lines("faltung_batch_pictures", "Pictures that ran together."),
        ...Object.entries(gauges).flatMap(([name, value]) => [`# TYPE ${name} gauge`, `${name} ${value}`]),
        "",
      ].join("\n"),
  };
}
