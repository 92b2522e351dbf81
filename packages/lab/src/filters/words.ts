/** Texts of the page "Filters on pictures". */
import type { Words } from "@faltung/figure";

export const T = {
  title: { en: "Filters on pictures", ko: "사진에 필터 걸기" },
  lead: {
    en: "The same sum as in the figures, at every pixel of a photograph. Point at the result to see how one pixel was made.",
    ko: "그림에서 본 것과 같은 합을 사진의 모든 픽셀에서 구합니다. 결과 위를 가리키면 그 픽셀이 어떻게 만들어졌는지 보입니다.",
  },
  kernel: { en: "Kernel", ko: "커널" },
  own: { en: "my own", ko: "직접 만든 것" },
  mode: { en: "Padding mode", ko: "패딩 방식" },
  stride: { en: "Stride", ko: "스트라이드" },
  gray: { en: "in shades of gray", ko: "흑백으로" },
  show: { en: "Show the result", ko: "결과 표시" },
  clip: { en: "as it is, cut to 0 … 255", ko: "그대로(0~255로 자름)" },
  signed: { en: "around middle gray", ko: "중간 회색을 0으로" },
  absolute: { en: "absolute value", ko: "절댓값" },
  builtIn: { en: "The built-in picture", ko: "내장 그림" },
  input: { en: "input", ko: "입력" },
  output: { en: "output", ko: "출력" },
  hover: {
    en: "Point at the result, or click it and use the arrow keys.",
    ko: "결과 위를 가리키거나, 클릭한 뒤 화살표로 움직이세요.",
  },
  channel: { en: "Channel", ko: "채널" },
  padding: {
    en: "Dashed cells lie outside the picture: the padding mode says what stands there.",
    ko: "점선 칸은 사진 밖에 있습니다. 그 값은 패딩 방식에 따라 정해집니다.",
  },
} as const;

export const CHANNELS: readonly Words[] = [
  { en: "red channel", ko: "빨강 채널" },
  { en: "green channel", ko: "초록 채널" },
  { en: "blue channel", ko: "파랑 채널" },
];

export const MODE_WORDS = {
  zeros: { en: "zeros", ko: "0으로" },
  reflect: { en: "reflect", ko: "반사" },
  replicate: { en: "replicate", ko: "가장자리 복제" },
  circular: { en: "circular", ko: "순환" },
} as const;
