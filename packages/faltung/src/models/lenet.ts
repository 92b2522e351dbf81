/** LeNet-5 (LeCun et al. 1998) as it is written today: ReLU and max-pooling. 61,706 parameters for 28×28. */
import { Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential } from "../nn/index.ts";

/**
 * @param channels of the pictures: 1 for gray, 3 for RGB
 * @param size height and width of the pictures, at least 12
 *
 * @example
 * ```ts
 * lenet5().parameterCount; // 61706
 * ```
 */
export function lenet5(channels: number = 1, classes: number = 10, size: number = 28): Sequential {
  const side = (Math.floor(size / 2) - 4) >> 1;
  return new Sequential(
    new Conv2d(channels, 6, 5, { padding: 2 }),
    new ReLU(),
    new MaxPool2d(2),
    new Conv2d(6, 16, 5),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(16 * side * side, 120),
    new ReLU(),
    new Linear(120, 84),
    new ReLU(),
    new Linear(84, classes),
  );
}
