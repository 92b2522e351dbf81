/** What a layer can be told: padding, stride, dilation, groups; its way back up; pooling. */
import { LESSONS } from "@faltung/figure";
import { type Idea, exercise, formula, heading, text } from "./idea.ts";

export const LAYERS: readonly Idea[] = [
  {
    slug: "padding-stride",
    title: { en: "Padding and stride", ko: "패딩과 스트라이드" },
    blocks: [
      text(
        "Without help a picture shrinks at every layer, and its border is seen less often than its middle. **Padding** adds cells around it, usually zeros. **Stride** is the step of the filter: with stride 2 every other place is left out and the output is about half as wide.",
        "그냥 두면 이미지는 층을 지날 때마다 작아지고, 가장자리는 가운데보다 덜 쓰입니다. **패딩(padding)**은 둘레에 칸을 덧붙이는 일이며 보통 0을 채웁니다. **스트라이드(stride)**는 필터가 움직이는 보폭입니다. 스트라이드가 2면 한 칸씩 건너뛰어 출력의 너비가 절반쯤 됩니다.",
      ),
      formula("size"),
      {
        kind: "figure",
        base: LESSONS["padding-stride"],
        options: ["input", "kernel", "stride", "padding", "mode"],
        paste: true,
        tries: [
          { words: { en: "padding 1, stride 1", ko: "패딩 1, 스트라이드 1" }, query: {} },
          { words: { en: "padding 1, stride 2", ko: "패딩 1, 스트라이드 2" }, query: { stride: "2" } },
          {
            words: { en: "what the floor drops", ko: "내림으로 버려지는 칸" },
            query: { input: "6", stride: "2", padding: "0" },
          },
          { words: { en: "a mirror as border", ko: "거울처럼 반사" }, query: { padding: "2", mode: "reflect" } },
          {
            words: { en: "“same” in PyTorch and TensorFlow", ko: "PyTorch와 TensorFlow의 same" },
            query: { figure: "same" },
          },
        ],
      },
      text(
        "The brackets ⌊ ⌋ round down. When the last step does not fit, the cells at the end are never seen: the figure hatches them.",
        "⌊ ⌋는 내림입니다. 마지막 걸음이 들어맞지 않으면 끝의 칸은 한 번도 쓰이지 않습니다. 그림에서는 빗금으로 나타냅니다.",
      ),
      text(
        'To keep the size with stride 1, an odd kernel k needs padding (k − 1)/2: `padding="same"`.',
        '스트라이드 1에서 크기를 그대로 두려면 홀수 커널 k에 패딩 (k − 1)/2를 쓰면 됩니다. `padding="same"`이 바로 그것입니다.',
      ),
      exercise("size"),
    ],
  },
  {
    slug: "dilation-groups",
    title: { en: "Dilation and groups", ko: "팽창과 그룹" },
    blocks: [
      text(
        "**Dilation** pulls the taps of a kernel apart: a 3×3 kernel with dilation 2 spans 5×5 cells but still has nine weights. It sees further for the same price.",
        "**팽창(dilation)**은 커널의 칸 사이를 벌립니다. 팽창이 2인 3×3 커널은 5×5 칸에 걸치지만 가중치는 여전히 9개입니다. 같은 비용으로 더 멀리 봅니다.",
      ),
      formula("sizeDilated"),
      {
        kind: "figure",
        base: LESSONS["dilation-groups"],
        options: ["input", "kernel", "dilation", "padding", "stride"],
        paste: true,
        tries: [
          { words: { en: "dilation 3", ko: "팽창 3" }, query: { input: "9", dilation: "3" } },
          {
            words: { en: "two groups", ko: "그룹 2개" },
            query: { figure: "channels", channels: "4", filters: "4", groups: "2" },
          },
          {
            words: { en: "depthwise", ko: "깊이별(depthwise)" },
            query: { figure: "channels", channels: "3", filters: "3", groups: "3" },
          },
        ],
      },
      heading("Groups", "그룹"),
      text(
        "**Groups** split the channels into parts that never meet: with g groups each filter sees only C/g channels, and the layer has g times fewer weights. As many groups as channels is a **depthwise** convolution; followed by a 1×1 convolution that mixes the channels again, it is the heart of MobileNet.",
        "**그룹(groups)**은 채널을 서로 만나지 않는 무리로 나눕니다. 그룹이 g개면 필터는 채널을 C/g개씩만 보고, 가중치는 g분의 1로 줄어듭니다. 그룹 수가 채널 수와 같으면 **깊이별 합성곱(depthwise convolution)**이라 합니다. 그 뒤에 1×1 합성곱으로 채널을 다시 섞는 것이 MobileNet의 핵심입니다.",
      ),
      formula("groupsCost"),
      exercise("size-dilated"),
    ],
  },
  {
    slug: "transposed",
    title: { en: "Transposed convolution", ko: "전치 합성곱" },
    blocks: [
      text(
        "A convolution with stride 2 makes pictures smaller. The **transposed convolution** goes the other way: every input cell *stamps* a multiple of the kernel into the output, the stamps stand s cells apart, and where they overlap they add up. `output_padding` lengthens the output at its end, for sizes that stride could not reach otherwise.",
        "스트라이드 2의 합성곱은 이미지를 작게 만듭니다. **전치 합성곱(transposed convolution)**은 반대로 갑니다. 입력의 칸마다 커널에 그 값을 곱해 출력에 도장처럼 *찍고*, 도장은 s칸씩 떨어져 찍히며, 겹치는 곳은 더합니다. `output_padding`은 스트라이드만으로는 나오지 않는 크기를 위해 출력의 끝을 늘립니다.",
      ),
      formula("transposedSize"),
      {
        kind: "figure",
        base: LESSONS.transposed,
        options: ["input", "kernel", "stride", "padding", "outputpadding", "view"],
        paste: true,
        tries: [
          { words: { en: "the same, gathered", ko: "모아 더하는 쪽에서 보기" }, query: { view: "gather" } },
          {
            words: { en: "uneven overlap: a chessboard", ko: "고르지 않은 겹침: 체스판 무늬" },
            query: { kernel: "3", stride: "2", padding: "0" },
          },
          { words: { en: "even overlap", ko: "고른 겹침" }, query: { kernel: "4", stride: "2", padding: "1" } },
        ],
      },
      text(
        "It is not an inverse: the old numbers do not come back, only the old size. What it really is: write the convolution as a big matrix W; this is multiplication by its transpose, and therefore also the way in which gradients flow back through a convolution.",
        "역연산은 아닙니다. 원래의 값이 돌아오지는 않고 크기만 돌아옵니다. 합성곱을 커다란 행렬 W로 쓰면 전치 합성곱은 그 전치 행렬을 곱하는 일이고, 그래서 합성곱을 거슬러 기울기(gradient)가 흐르는 길이기도 합니다.",
      ),
      formula("adjoint"),
      exercise("transposed-size"),
    ],
  },
  {
    slug: "pooling",
    title: { en: "Pooling", ko: "풀링" },
    blocks: [
      text(
        "**Pooling** makes a map smaller without any weights: from each window it keeps the largest number (max) or the mean (average). *Is the feature anywhere around here?* is often all that the next layer needs to know.",
        "**풀링(pooling)**은 가중치 없이 맵을 작게 만듭니다. 창마다 가장 큰 값(최댓값 풀링, max pooling) 또는 평균(평균 풀링, average pooling)만 남깁니다. *이 근처 어딘가에 그 특징이 있는가?*만 알면 다음 층에는 충분할 때가 많습니다.",
      ),
      formula("maxPool"),
      formula("averagePool"),
      {
        kind: "figure",
        base: LESSONS.pooling,
        options: ["op", "input", "kernel", "stride", "padding", "ceil"],
        paste: true,
        tries: [
          { words: { en: "average", ko: "평균" }, query: { op: "average" } },
          { words: { en: "windows that overlap", ko: "겹치는 창" }, query: { kernel: "3", stride: "1" } },
          { words: { en: "round up", ko: "올림(ceil)" }, query: { input: "7", ceil: "1" } },
        ],
      },
      text(
        "When gradients come back, average pooling shares them out evenly; max pooling hands everything to the one cell that won.",
        "기울기가 되돌아올 때 평균 풀링은 고르게 나눠 주고, 최댓값 풀링은 뽑힌 칸 하나에 모두 줍니다.",
      ),
      exercise("pool"),
    ],
  },
];
