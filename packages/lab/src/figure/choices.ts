/** What the choices of figures are called in a control. */
import { KERNELS, type Words } from "@faltung/figure";

export const CHOICES: Readonly<Record<string, Words>> = {
  convolution: { en: "convolution", ko: "합성곱" },
  correlation: { en: "cross-correlation", ko: "교차상관" },
  autocorrelation: { en: "autocorrelation", ko: "자기상관" },
  full: { en: "full", ko: "full(전체)" },
  same: { en: "same", ko: "same(같은 크기)" },
  valid: { en: "valid", ko: "valid(유효)" },
  zeros: { en: "zeros", ko: "0으로" },
  reflect: { en: "reflect", ko: "반사" },
  replicate: { en: "replicate", ko: "가장자리 복제" },
  circular: { en: "circular", ko: "순환" },
  none: { en: "none", ko: "없음" },
  ...Object.fromEntries(Object.entries(KERNELS).map(([name, { words }]) => [name, words])),
  numbers: { en: "numbers", ko: "숫자" },
  symbols: { en: "symbols", ko: "기호" },
  role: { en: "by role", ko: "역할별" },
  value: { en: "by value", ko: "값별" },
  scatter: { en: "stamping", ko: "찍어 더하기" },
  gather: { en: "gathering", ko: "모아 더하기" },
  max: { en: "maximum", ko: "최댓값" },
  average: { en: "average", ko: "평균" },
  dx: { en: "by the input, dL/dx", ko: "입력에 대해, dL/dx" },
  dw: { en: "by the weight, dL/dw", ko: "가중치에 대해, dL/dw" },
};
