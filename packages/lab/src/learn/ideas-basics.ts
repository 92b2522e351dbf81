/** The first ideas: from two functions to a layer on a colour picture. */
import { LESSONS } from "@faltung/figure";
import { type Idea, exercise, formula, heading, text } from "./idea.ts";

export const BASICS: readonly Idea[] = [
  {
    slug: "convolution",
    title: { en: "Convolution", ko: "합성곱" },
    blocks: [
      text(
        "**Convolution** takes two functions and makes a third. Turn one of them round, slide it along the other, and at every position write down the area under their product. These areas, one for each shift, are the third function.",
        "**합성곱(convolution)**은 두 함수로 새로운 함수 하나를 만드는 연산입니다. 한 함수를 좌우로 뒤집고, 다른 함수 위로 조금씩 밀면서, 두 함수를 곱한 그래프 아래의 넓이를 자리마다 적습니다. 그 값을 이어 그린 것이 합성곱입니다.",
      ),
      formula("convolution"),
      {
        kind: "figure",
        base: LESSONS.convolution,
        options: ["f", "g", "kind", "swap"],
        tries: [
          {
            words: { en: "two boxes make a triangle", ko: "상자 둘이 삼각형이 됩니다" },
            query: { f: "box", g: "box" },
          },
          { words: { en: "f∗g = g∗f", ko: "f∗g = g∗f" }, query: { f: "triangle", g: "ramp", swap: "1" } },
          { words: { en: "smooth a box", ko: "상자를 부드럽게" }, query: { f: "box", g: "gaussian:0.3" } },
          {
            words: { en: "rows of numbers instead of functions", ko: "함수 대신 수열로" },
            query: { figure: "discrete", a: "1,2,3", b: "0,1,0.5" },
          },
        ],
      },
      text(
        "Why turn it round? Think of {input:f} as something that happens over time and of {filter:g} as the echo that one moment leaves. The sound now is the echo of just now, plus the older echo of a moment ago, and so on: `g(t − τ)` looks back, and looking back *is* the turn. It also makes the operation commutative: f ∗ g = g ∗ f.",
        "왜 뒤집을까요? {input:f}를 시간에 따라 일어나는 일, {filter:g}를 한 순간이 남기는 메아리라고 생각해 봅시다. 지금 들리는 소리는 방금 낸 소리의 메아리와, 조금 전에 낸 소리의 더 오래된 메아리를 모두 더한 것입니다. `g(t − τ)`는 과거를 돌아보는 식이고, 돌아본다는 것이 곧 뒤집는다는 뜻입니다. 덕분에 교환 법칙(commutativity) f ∗ g = g ∗ f도 성립합니다.",
      ),
      text(
        "With rows of numbers the area becomes a sum. That is all a computer needs.",
        "함수 대신 수열을 쓰면 넓이는 합이 됩니다. 컴퓨터에는 이것으로 충분합니다.",
      ),
      formula("convolutionSum"),
      exercise("discrete"),
    ],
  },
  {
    slug: "cross-correlation",
    title: { en: "Cross-correlation", ko: "교차상관" },
    blocks: [
      text(
        "**Cross-correlation** is the same without the turn: {filter:g} moves by t as it is. It asks: *how alike are the two, if I shift one of them by t?* Where the answer is largest, they fit best. Radar measures distances this way.",
        "**교차상관(cross-correlation)**은 뒤집지 않고 같은 일을 하는 연산입니다. {filter:g}를 있는 그대로 t만큼 옮깁니다. *한쪽을 t만큼 밀었을 때 둘이 얼마나 닮았는가?*를 묻습니다. 값이 가장 큰 곳에서 두 함수가 가장 잘 겹칩니다. 레이더가 거리를 재는 방법이기도 합니다.",
      ),
      formula("correlation"),
      {
        kind: "figure",
        base: LESSONS["cross-correlation"],
        options: ["f", "g", "kind", "swap"],
        tries: [
          {
            words: { en: "swap the roles: it is reflected", ko: "역할을 바꾸면 좌우가 뒤집힙니다" },
            query: { f: "box", g: "ramp", swap: "1" },
          },
          {
            words: { en: "with itself: autocorrelation", ko: "자기 자신과: 자기상관" },
            query: { f: "sawtooth", kind: "autocorrelation" },
          },
          { words: { en: "find a wave", ko: "파동 찾기" }, query: { f: "sine", g: "sine:3" } },
          { words: { en: "convolution, to compare", ko: "합성곱과 비교" }, query: { kind: "convolution" } },
        ],
      },
      text(
        "It is not commutative: exchange the two and the result is reflected. (Some books write `g(τ + t)`, which is the same with t running the other way.) A function correlated with itself gives its **autocorrelation**, always symmetric and largest at shift zero.",
        "교차상관은 교환 법칙이 성립하지 않습니다. 두 함수를 바꾸면 결과의 좌우가 뒤집힙니다. (`g(τ + t)`라고 쓰는 책도 있는데, t의 방향만 반대일 뿐 같은 것입니다.) 함수를 자기 자신과 교차상관한 것을 **자기상관(autocorrelation)**이라 하며, 언제나 좌우 대칭이고 이동이 0일 때 가장 큽니다.",
      ),
      formula("correlationFlip"),
      text(
        "If {filter:g} is symmetric, turning it changes nothing, and convolution and cross-correlation are one. Try a Gaussian.",
        "{filter:g}가 좌우 대칭이면 뒤집어도 그대로이므로 합성곱과 교차상관이 같아집니다. 가우스 함수로 확인해 보세요.",
      ),
    ],
  },
  {
    slug: "deep-learning",
    title: { en: "Convolution in deep learning", ko: "딥러닝의 합성곱" },
    blocks: [
      text(
        "In a **convolutional network** (CNN) a small square of weights, the {filter:filter} or kernel, slides over a picture. At each place it is multiplied cell by cell with what lies below and the products are added: one number of the {output:feature map}.",
        "**합성곱 신경망(convolutional neural network, CNN)**에서는 작은 정사각형 모양의 가중치, 곧 {filter:필터(filter)} 또는 커널(kernel)이 이미지 위를 미끄러져 갑니다. 자리마다 아래에 놓인 값과 칸끼리 곱해 모두 더하면 {output:특징 맵(feature map)}의 수 하나가 됩니다.",
      ),
      formula("deep"),
      {
        kind: "figure",
        base: LESSONS["deep-learning"],
        options: ["input", "kernel", "flip", "named", "cells", "shade", "weights"],
        paste: true,
        tries: [
          {
            words: { en: "true convolution: the kernel turns", ko: "진짜 합성곱: 커널이 뒤집힙니다" },
            query: { flip: "1" },
          },
          { words: { en: "find vertical edges", ko: "세로 윤곽 찾기" }, query: { named: "sobelx", shade: "value" } },
          { words: { en: "with symbols", ko: "기호로 보기" }, query: { cells: "symbols" } },
          {
            words: { en: "an impulse", ko: "점 하나(임펄스)" },
            query: { values: "0,0,0,0,0/0,0,0,0,0/0,0,1,0,0/0,0,0,0,0/0,0,0,0,0", weights: "1,2,3/4,5,6/7,8,9" },
          },
          { words: { en: "the note's formula beside it", ko: "노트의 식과 나란히" }, query: { figure: "note" } },
        ],
      },
      text(
        "Look at the formula: nothing is turned round. What deep learning calls convolution is **cross-correlation**. Nobody minds, because the weights are *learned*: if the layer turned its kernel, training would simply find the turned weights. The experiment at the end of this course shows it.",
        "식을 보면 뒤집는 곳이 없습니다. 딥러닝에서 합성곱이라 부르는 것은 사실 **교차상관**입니다. 그래도 괜찮은 까닭은 가중치를 *학습*하기 때문입니다. 층이 커널을 뒤집어 쓴다면 학습이 뒤집힌 가중치를 찾아낼 뿐입니다. 이 과정 끝의 실험에서 직접 확인합니다.",
      ),
      heading("Two ways to write the sum", "합을 쓰는 두 가지 방법"),
      text(
        "Some notes write S(x, y) = ΣΣ I(i, j) F(x + i, y + j). There {input:I} and {filter:F} have exchanged their parts, and since cross-correlation is not commutative, the result is the usual one reflected through a point.",
        "S(x, y) = ΣΣ I(i, j) F(x + i, y + j)라고 쓴 노트도 있습니다. 이 식에서는 {input:I}와 {filter:F}의 역할이 바뀌어 있고, 교차상관은 교환 법칙이 성립하지 않으므로 결과는 보통의 식으로 얻은 결과를 점대칭으로 뒤집은 것입니다.",
      ),
      formula("note"),
      exercise("cells"),
    ],
  },
  {
    slug: "channels",
    title: { en: "RGB and channels", ko: "RGB와 채널" },
    blocks: [
      text(
        "A colour picture is three planes of numbers: red, green and blue, its **channels**. A filter then has three planes too, one for each. Every plane is multiplied with its own, and *all* products are added, with a {extra:bias}: still one number.",
        "컬러 이미지는 빨강, 초록, 파랑의 밝기를 적은 판 세 장으로 이루어져 있고, 그 한 장 한 장을 **채널(channel)**이라 합니다. 그래서 필터도 채널마다 한 장씩, 모두 세 장입니다. 채널마다 제 짝과 곱하고, *모든* 곱을 더한 다음 {extra:편향(bias)}을 더합니다. 결과는 여전히 수 하나입니다.",
      ),
      formula("channels"),
      {
        kind: "figure",
        base: LESSONS.channels,
        options: ["input", "channels", "filters", "kernel", "stride", "padding", "bias"],
        paste: true,
        tries: [
          { words: { en: "one filter", ko: "필터 하나" }, query: { filters: "1" } },
          { words: { en: "four filters", ko: "필터 넷" }, query: { filters: "4" } },
          {
            words: { en: "a 1×1 convolution mixes channels", ko: "1×1 합성곱은 채널을 섞습니다" },
            query: { kernel: "1", filters: "2" },
          },
        ],
      },
      text(
        "Each filter makes one plane of the output. With 16 filters the next layer sees 16 channels, no longer colours but features: an edge here, a spot there. The weights of a layer are counted as filters × channels × kernel × kernel, and one bias for each filter.",
        "필터 하나가 출력 한 장을 만듭니다. 필터가 16개면 다음 층은 채널 16개를 봅니다. 이제 채널은 색이 아니라 윤곽이나 점 같은 특징입니다. 층의 가중치 수는 필터 수 × 채널 수 × 커널 × 커널이고, 필터마다 편향이 하나씩 더 있습니다.",
      ),
      exercise("parameters"),
    ],
  },
];
