/** The formulas of the lab in TeX; `\class{role}{…}` takes the colour that the role has in the pictures. */

const I = String.raw`\class{input}{x}`;
const K = String.raw`\class{filter}{w}`;
const O = String.raw`\class{output}{y}`;

export type FormulaName =
  | "convolution"
  | "convolutionSum"
  | "correlation"
  | "correlationFlip"
  | "deep"
  | "note"
  | "channels"
  | "size"
  | "sizeDilated"
  | "groupsCost"
  | "transposedSize"
  | "adjoint"
  | "maxPool"
  | "averagePool"
  | "receptive"
  | "backwardInput"
  | "backwardWeight"
  | "softmax"
  | "flipped";

export const FORMULAS: Readonly<Record<FormulaName, string>> = {
  convolution: String.raw`\class{output}{(f * g)(t)} = \int_{-\infty}^{\infty} \class{input}{f(\tau)}\, \class{filter}{g(t - \tau)}\, d\tau`,
  convolutionSum: String.raw`\class{output}{(a * b)_n} = \sum_{k} \class{input}{a_k}\, \class{filter}{b_{n-k}}`,
  correlation: String.raw`\class{output}{(f \star g)(t)} = \int_{-\infty}^{\infty} \class{input}{f(\tau)}\, \class{filter}{g(\tau - t)}\, d\tau`,
  correlationFlip: String.raw`\class{output}{(f \star g)(t)} = \class{output}{(g \star f)(-t)}`,
  deep: String.raw`\class{output}{S(x, y)} = \sum_i \sum_j \class{input}{I(x + i,\, y + j)}\, \class{filter}{F(i, j)}`,
  note: String.raw`\class{output}{S'(x, y)} = \sum_i \sum_j \class{input}{I(i, j)}\, \class{filter}{F(x + i,\, y + j)} = \class{output}{S(-x, -y)}`,
  channels: String.raw`${O}_{o}(p, q) = \class{extra}{b_o} + \sum_{c=1}^{C} \sum_{i} \sum_{j} ${K}_{o,c}(i, j)\; ${I}_{c}(p + i,\, q + j)`,
  size: String.raw`\class{output}{\text{out}} = \left\lfloor \frac{\class{input}{\text{in}} + 2\,\class{extra}{p} - \class{filter}{k}}{s} \right\rfloor + 1`,
  sizeDilated: String.raw`\class{output}{\text{out}} = \left\lfloor \frac{\class{input}{\text{in}} + 2\,\class{extra}{p} - d\,(\class{filter}{k} - 1) - 1}{s} \right\rfloor + 1`,
  groupsCost: String.raw`\text{weights} = \class{output}{C_{\text{out}}} \cdot \frac{\class{input}{C_{\text{in}}}}{g} \cdot \class{filter}{k^2}`,
  transposedSize: String.raw`\class{output}{\text{out}} = (\class{input}{\text{in}} - 1)\, s - 2\,\class{extra}{p} + d\,(\class{filter}{k} - 1) + 1 + \class{extra}{p_{\text{out}}}`,
  adjoint: String.raw`\langle \class{filter}{W} ${I},\, ${O} \rangle = \langle ${I},\, \class{filter}{W}^{\top} ${O} \rangle`,
  maxPool: String.raw`${O}(p, q) = \max_{0 \le i, j < k}\, ${I}(s\,p + i,\, s\,q + j)`,
  averagePool: String.raw`${O}(p, q) = \frac{1}{k^2} \sum_{0 \le i, j < k} ${I}(s\,p + i,\, s\,q + j)`,
  receptive: String.raw`r_{\ell} = r_{\ell-1} + d_\ell\,(\class{filter}{k_\ell} - 1)\, j_{\ell-1}, \qquad j_\ell = s_\ell\, j_{\ell-1}`,
  backwardInput: String.raw`\class{input}{\frac{\partial L}{\partial x}(u, v)} = \sum_i \sum_j \class{filter}{w(i, j)}\; \class{output}{\frac{\partial L}{\partial y}(u - i,\, v - j)}`,
  backwardWeight: String.raw`\class{filter}{\frac{\partial L}{\partial w}(i, j)} = \sum_p \sum_q \class{input}{x(p + i,\, q + j)}\; \class{output}{\frac{\partial L}{\partial y}(p, q)}`,
  softmax: String.raw`\class{output}{p_c} = \frac{e^{z_c}}{\sum_j e^{z_j}}, \qquad L = -\log \class{output}{p_{\text{label}}}`,
  flipped: String.raw`\class{filter}{w_{\text{conv}}(i, j)} = \class{filter}{w_{\text{corr}}(k - 1 - i,\, k - 1 - j)}`,
};
