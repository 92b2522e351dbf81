/** From layers to networks: what a cell sees, how weights learn, a whole CNN, and the experiment. */
import { LESSONS } from "@faltung/figure";
import { type Idea, exercise, formula, heading, text } from "./idea.ts";

export const NETWORKS: readonly Idea[] = [
  {
    slug: "receptive-field",
    title: { en: "Receptive field", ko: "수용 영역" },
    blocks: [
      text(
        "A cell of the first layer sees 3×3 pixels. A cell of the second sees 3×3 cells of the first, and each of these sees its own 3×3: together 5×5. The part of the input that a cell depends on is its **receptive field**.",
        "첫째 층의 한 칸은 픽셀 3×3개를 봅니다. 둘째 층의 한 칸은 첫째 층의 3×3칸을 보고, 그 칸들이 저마다 3×3을 보니 모두 합쳐 5×5입니다. 어떤 칸의 값에 영향을 주는 입력의 범위를 **수용 영역(receptive field)**이라 합니다.",
      ),
      formula("receptive"),
      {
        kind: "figure",
        base: LESSONS["receptive-field"],
        options: ["input", "layers"],
        tries: [
          { words: { en: "three plain layers", ko: "평범한 층 셋" }, query: { layers: "3,3,3" } },
          { words: { en: "a stride in the middle", ko: "가운데에 스트라이드" }, query: { layers: "3,3s2,3" } },
          { words: { en: "growing dilation", ko: "점점 커지는 팽창" }, query: { layers: "3,3d2,3d4", input: "21" } },
        ],
      },
      text(
        "j is the *jump*: how far apart two neighbours look. Strides multiply it, so every layer behind a stride widens the field faster. Layers are written as kernel, then `s` stride, `p` padding, `d` dilation: `3s2p1`.",
        "j는 *간격(jump)*으로, 이웃한 두 칸이 보는 곳이 서로 얼마나 떨어져 있는지를 나타냅니다. 스트라이드를 지날 때마다 곱해지므로 그 뒤의 층은 수용 영역을 더 빨리 넓힙니다. 층은 커널 크기 뒤에 `s` 스트라이드, `p` 패딩, `d` 팽창을 붙여 `3s2p1`처럼 씁니다.",
      ),
      text(
        "A network can only tell apart what fits into its field: to know a face it must see more than an eye.",
        "신경망은 수용 영역에 들어오는 것만 구별할 수 있습니다. 얼굴을 알아보려면 눈 하나보다는 넓게 봐야 합니다.",
      ),
      exercise("receptive"),
    ],
  },
  {
    slug: "backward",
    title: { en: "The way back", ko: "역전파(backpropagation)" },
    blocks: [
      text(
        "To **learn**, a layer must know two things about the loss L: how it changes with its weights (to improve them) and how it changes with its input (to pass that on to the layer before). Both are convolutions again. The sums below are for stride 1 without padding.",
        "층이 **학습(training)**하려면 손실(loss) L이 두 가지에 따라 어떻게 변하는지 알아야 합니다. 하나는 가중치이고(그래야 고칠 수 있습니다), 또 하나는 입력입니다(그래야 앞 층에 넘겨줄 수 있습니다). 두 계산 모두 다시 합성곱입니다. 아래 식은 스트라이드 1, 패딩 없음일 때의 것입니다.",
      ),
      formula("backwardInput"),
      {
        kind: "figure",
        base: LESSONS.backward,
        options: ["of", "input", "kernel", "stride", "padding", "dilation"],
        tries: [
          { words: { en: "dL/dx with stride 2", ko: "스트라이드 2일 때 dL/dx" }, query: { stride: "2", padding: "1" } },
          { words: { en: "dL/dw", ko: "dL/dw" }, query: { of: "dw" } },
          {
            words: { en: "dL/dw with stride 2", ko: "스트라이드 2일 때 dL/dw" },
            query: { of: "dw", stride: "2", padding: "1" },
          },
        ],
      },
      text(
        "For **dL/dx** the signs are minus: a true convolution, with the kernel turned round and the gradient padded so far that the sizes fit. With stride s the gradient is spread out with zeros between: the transposed convolution.",
        "**dL/dx**의 식에는 빼기가 있습니다. 커널을 뒤집는 진짜 합성곱이고, 크기가 맞도록 기울기 둘레에 0을 덧댑니다. 스트라이드가 s면 기울기 사이사이에 0을 끼워 넣습니다. 바로 전치 합성곱입니다.",
      ),
      formula("backwardWeight"),
      text(
        "For **dL/dw** the input is correlated with the gradient. If an input cell and an output's gradient often go together, the weight between them moves.",
        "**dL/dw**는 입력과 기울기의 교차상관입니다. 어떤 입력 칸과 출력의 기울기가 함께 커지는 일이 잦으면 그 사이의 가중치가 움직입니다.",
      ),
      exercise("cells-flip"),
    ],
  },
  {
    slug: "cnn",
    title: { en: "A whole CNN", ko: "CNN 전체" },
    blocks: [
      text(
        "Convolution, activation, pooling, and again: the maps become smaller and more numerous, and what they stand for less and less local. At the end the maps are laid out in one row (*flatten*) or averaged, and a linear layer gives a number for each class: the **logits**.",
        "합성곱, 활성화(activation), 풀링을 되풀이합니다. 맵은 점점 작아지고 많아지며, 나타내는 내용은 점점 넓은 범위의 것이 됩니다. 마지막에는 맵을 한 줄로 펴거나(*flatten*) 평균을 내고, 선형 층(linear layer)이 클래스(class)마다 수를 하나씩 냅니다. 이것이 **로짓(logits)**입니다.",
      ),
      {
        kind: "figure",
        base: LESSONS.cnn,
        options: ["net"],
        tries: [
          { words: { en: "LeNet-5", ko: "LeNet-5" }, query: {} },
          {
            words: { en: "a small modern one", ko: "작은 요즘 신경망" },
            query: {
              net: "1x28x28/conv 16 3 p1/norm/relu/maxpool 2/conv 32 3 p1/norm/relu/maxpool 2/conv 64 3 p1/norm/relu/gap/linear 10",
            },
          },
          {
            words: { en: "depthwise blocks", ko: "깊이별 합성곱 블록" },
            query: {
              net: "3x32x32/conv 16 3 p1/norm/relu/dwconv 3 s2 p1/norm/relu/conv 32 1/norm/relu/dwconv 3 s2 p1/norm/relu/conv 64 1/norm/relu/gap/linear 10",
            },
          },
        ],
      },
      formula("softmax"),
      text(
        "Softmax turns logits into probabilities; the **loss** is small when the right class gets nearly all of the probability. Training moves all weights a little downhill, batch after batch.",
        "소프트맥스(softmax)는 로짓을 확률로 바꿉니다. 정답 클래스의 확률이 1에 가까우면 **손실**이 작습니다. 학습은 배치(batch)마다 모든 가중치를 손실이 줄어드는 쪽으로 조금씩 옮기는 일입니다.",
      ),
      text(
        "Now train one yourself, on the page **Train**, and look into it on **Look inside**.",
        "이제 **학습** 페이지에서 직접 학습시키고, **들여다보기**에서 속을 살펴보세요.",
      ),
      exercise("parameters"),
    ],
  },
  {
    slug: "experiment",
    title: { en: "Experiment: does the flip matter?", ko: "실험: 뒤집기가 중요할까?" },
    blocks: [
      text(
        "The claim: *for learning it makes no difference whether the kernel is turned round.* Here one layer is trained twice on the same pictures in the same order: once as {input:cross-correlation}, once as {filter:convolution}. Both are to learn what a hidden kernel does. Both start from zero.",
        "주장: *학습에는 커널을 뒤집든 말든 차이가 없다.* 층 하나를 같은 이미지로, 같은 순서로 두 번 학습시킵니다. 한 번은 {input:교차상관}으로, 한 번은 {filter:합성곱}으로. 둘 다 숨겨진 커널이 하는 일을 배워야 하고, 둘 다 0에서 시작합니다.",
      ),
      { kind: "experiment" },
      formula("flipped"),
      text(
        "The losses coincide at every step, and the learned filters are each other's reflection through the centre. Given a single bright point (an *impulse*), both answer with the same picture: they have become the same function. But compare it with the filters above: convolution has stamped its filter as it is, cross-correlation has stamped its own turned round.",
        "손실은 모든 단계에서 똑같고, 학습된 필터는 서로를 점대칭으로 뒤집은 것입니다. 밝은 점 하나(*임펄스*, impulse)를 넣으면 둘 다 똑같은 그림을 내놓습니다. 같은 함수가 된 것입니다. 하지만 위의 필터와 견주어 보면, 합성곱은 제 필터를 그대로 찍었고 교차상관은 제 필터를 뒤집어 찍었습니다.",
      ),
      heading("What follows", "결론"),
      text(
        "Libraries leave the turn away because nothing is lost. Only if weights come from elsewhere, from a textbook or from signal processing, does one have to ask which of the two is meant. In Faltung: `new Conv2d(1, 1, 5, { flip: true })`.",
        "그래서 라이브러리들은 뒤집기를 생략합니다. 잃는 것이 없으니까요. 가중치를 교과서나 신호 처리처럼 다른 곳에서 가져올 때에만 어느 쪽 뜻인지 물어보면 됩니다. Faltung에서는 `new Conv2d(1, 1, 5, { flip: true })`라고 씁니다.",
      ),
    ],
  },
];
