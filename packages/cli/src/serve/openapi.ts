/** The interface of `faltung serve` as OpenAPI 3.1. */

interface Described {
  readonly classes: readonly string[];
  /** Most pictures of a request. */
  readonly batch: number;
  readonly bodyBytes: number;
  readonly pixels: number;
}

export function openApi({ classes, batch, bodyBytes, pixels }: Described): Readonly<Record<string, unknown>> {
  const problem = (description: string): unknown => ({
    description,
    content: { "application/json": { schema: { $ref: "#/components/schemas/Problem" } } },
  });
  const json = (schema: unknown, description: string): unknown => ({
    description,
    content: { "application/json": { schema } },
  });
  return {
    openapi: "3.1.0",
    info: { title: "Faltung", version: "1", description: `Says which of ${classes.length} classes a picture shows.` },
    paths: {
      "/predict": {
        post: {
          summary: "What is in a picture, or in several",
          parameters: [
            {
              name: "top",
              in: "query",
              description: "how many classes",
              schema: { type: "integer", minimum: 1, default: Math.min(5, classes.length) },
            },
          ],
          requestBody: {
            required: true,
            description: `At most ${bodyBytes} bytes; pictures of at most ${pixels} pixels: PNG, JPEG, WebP or GIF.`,
            content: {
              "image/*": { schema: { type: "string", format: "binary" } },
              "application/octet-stream": { schema: { type: "string", format: "binary" } },
              "application/json": {
                schema: {
                  type: "object",
                  required: ["images"],
                  properties: {
                    images: {
                      type: "array",
                      minItems: 1,
                      maxItems: batch,
                      items: { type: "string", contentEncoding: "base64", description: "a picture file" },
                    },
                  },
                },
              },
            },
          },
          responses: {
            200: json({ $ref: "#/components/schemas/Results" }, "a result for each picture, in order"),
            400: problem("the request is malformed"),
            405: problem("the method is not POST"),
            413: problem("the body or a picture is too large"),
            415: problem("the content type is none of these, or the body is compressed"),
            422: problem("a picture cannot be read"),
            429: problem("too many requests at once: try again later"),
            500: problem("a fault of the server's own"),
            503: problem("it took too long, or the server is stopping"),
          },
        },
      },
      "/healthz": {
        get: {
          summary: "Whether it takes requests",
          responses: { 200: { description: "yes" }, 503: { description: "it is stopping" } },
        },
      },
      "/metrics": { get: { summary: "Counters for Prometheus", responses: { 200: { description: "text" } } } },
      "/openapi.json": { get: { summary: "This description", responses: { 200: { description: "JSON" } } } },
    },
    components: {
      schemas: {
        Problem: {
          type: "object",
          required: ["error"],
          properties: {
            error: {
              type: "object",
              required: ["code", "message"],
              properties: { code: { type: "string" }, message: { type: "string" } },
            },
          },
        },
        Results: {
          type: "object",
          required: ["results"],
          properties: {
            results: {
              type: "array",
              items: {
                type: "array",
                items: {
                  type: "object",
                  required: ["class", "probability"],
                  properties: { class: { type: "string", enum: classes }, probability: { type: "number" } },
                },
              },
            },
          },
        },
      },
    },
  };
}
