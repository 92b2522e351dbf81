/** Texts of the page "Look inside". */
import type { Words } from "@faltung/figure";

export const I = {
  title: { en: "Look inside a network", ko: "신경망 들여다보기" },
  lead: {
    en: "Draw something or choose a picture. See what every layer makes of it, cell by cell, and on which pixels the decision rests.",
    ko: "무언가를 그리거나 사진을 고르세요. 층마다 무엇을 만들어 내는지 칸 하나까지, 그리고 판단이 어느 픽셀에 근거하는지 볼 수 있습니다.",
  },
  model: { en: "Model", ko: "모델" },
  none: { en: "Or train one of your own:", ko: "직접 학습시킬 수도 있습니다:" },
  lenet5: { en: "LeNet-5, trained on digits", ko: "LeNet-5(손글씨 숫자로 학습)" },
  noPicture: { en: "Choose a picture, or drop one.", ko: "사진을 고르거나 끌어다 놓으세요." },
  fromTrain: { en: "from Train", ko: "학습 페이지의 모델" },
  classes: (n: number): Words => ({ en: `${n} classes`, ko: `클래스 ${n}개` }),
  open: { en: "Open a model", ko: "모델 열기" },
  openFolder: { en: "Open a run folder", ko: "학습 폴더 열기" },
  dropModel: {
    en: "A .safetensors file of this lab or of faltung train, or the run's folder: choose it, or drop it here.",
    ko: "이 실험실이나 faltung train이 만든 .safetensors 파일, 또는 그 학습 폴더를 고르거나 여기에 끌어다 놓으세요.",
  },
  noModelInFolder: {
    en: "There is no .safetensors file in that folder.",
    ko: "그 폴더에는 .safetensors 파일이 없습니다.",
  },
  download: { en: "Download the model", ko: "모델 내려받기" },
  picture: { en: "Picture", ko: "그림" },
  samples: { en: "test picture", ko: "시험 사진" },
  moreSamples: { en: "others", ko: "다른 사진" },
  answer: { en: "What it says", ko: "신경망의 대답" },
  why: { en: "Why it says so", ko: "왜 그렇게 답했을까" },
  target: { en: "for the class", ko: "클래스" },
  likeliest: { en: "the likeliest", ko: "가장 그럴듯한 것" },
  show: { en: "show", ko: "보기" },
  saliency: { en: "saliency", ko: "돌출도(saliency)" },
  plain: { en: "the picture only", ko: "그림만" },
  layer: { en: "layer", ko: "층" },
  camHelp: {
    en: "Grad-CAM: orange where this layer sees evidence for the class.",
    ko: "Grad-CAM: 이 층이 그 클래스의 근거를 본 곳이 주황색입니다.",
  },
  saliencyHelp: {
    en: "Saliency: how much a small change of each pixel would change the class's score.",
    ko: "돌출도: 픽셀 하나를 조금 바꿀 때 그 클래스의 점수가 얼마나 변하는지 나타냅니다.",
  },
  plainHelp: { en: "The picture as the network gets it.", ko: "신경망이 받는 그대로의 그림입니다." },
  layers: { en: "Layer by layer", ko: "층별로 보기" },
  layersHelp: {
    en: "Orange is positive, violet negative, each layer on its own scale. Choose a map to look closer.",
    ko: "주황은 양수, 보라는 음수이며 층마다 눈금이 다릅니다. 맵을 골라 자세히 보세요.",
  },
  unit: { en: "One map, one cell", ko: "맵 하나, 칸 하나" },
  unitHelp: { en: "Choose a map of a layer to see its cells.", ko: "층의 맵을 하나 고르면 칸마다 볼 수 있습니다." },
  activating: { en: "Pictures that this channel answers to most", ko: "이 채널이 가장 크게 반응하는 사진" },
} as const;
