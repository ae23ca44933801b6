"""PyTorch: `torch.nn.LSTM` with a linear head, one call for each window.

python torch_lstm.py PROBLEM
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from echo_rnn.benchmark.measure.problem import Problem
from echo_rnn.benchmark.measure.worker import TRAIN, Ready, serve


class Network(nn.Module):
    """The same function as ours: PyTorch's second bias stays zero, since two would learn twice as fast."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.lstm = nn.LSTM(problem.inputs, problem.units, problem.layers)
        self.head = nn.Linear(problem.units, problem.outputs)
        *layers, head, head_bias = (torch.tensor(array) for array in problem.weights)
        with torch.no_grad():
            for layer in range(problem.layers):
                kernel_IG, recurrent_SG, bias_G = layers[3 * layer : 3 * layer + 3]
                for name, value in (("weight_ih", kernel_IG.T), ("weight_hh", recurrent_SG.T), ("bias_ih", bias_G)):
                    getattr(self.lstm, f"{name}_l{layer}").copy_(value)
                getattr(self.lstm, f"bias_hh_l{layer}").zero_().requires_grad_(False)
            self.head.weight.copy_(head.T)
            self.head.bias.copy_(head_bias)

    def forward(self, x_TBI, state):
        """A window's logits, or outputs for real targets, and the state after it."""
        h_TBS, state = self.lstm(x_TBI, state)
        return self.head(h_TBS), state


def prepare(problem: Problem) -> Ready:
    """Makes network and optimizer; nothing is compiled."""
    torch.set_num_threads(problem.threads)
    torch.set_flush_denormal(True)
    network = Network(problem)
    optimizer = torch.optim.Adagrad(
        [weight for weight in network.parameters() if weight.requires_grad],
        problem.learning_rate,
        initial_accumulator_value=problem.accumulator,
        # It is added to the root here and below the root elsewhere: 1e-7 beside 0.1 or more either way.
        eps=problem.epsilon,
        fused=True,
    )
    x_WTBI, y_WTB = torch.tensor(problem.x_WTBI), torch.tensor(problem.y_WTB)
    is_real = problem.outputs == 1
    y_WTB = y_WTB if is_real else y_WTB.long()
    state = (torch.zeros(problem.layers, problem.batch_size, problem.units),) * 2
    next_window = 0

    def run(steps):
        nonlocal state, next_window
        losses = []
        for _ in range(steps):
            logits_TBC, state = network(x_WTBI[next_window], state)
            state = tuple(part.detach() for part in state)
            y_N = y_WTB[next_window].flatten()
            loss = mse_loss(logits_TBC.flatten(), y_N) if is_real else cross_entropy(logits_TBC.flatten(0, 1), y_N)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
            next_window = (next_window + 1) % problem.windows
        return torch.stack(losses).tolist()

    return Ready({TRAIN: run}, 1, f"torch {torch.__version__}")


serve(prepare)
