/* The same training step as most people would write it in C: loops over batch, units and gates, batch first, and the
   exponential and tanh of libm. */

#include "step.h"

static float seen[LAYERS + 1][WINDOW + 1][BATCH][FEATURES + UNITS]; /* what a layer's product takes; last the head's */
static float cell[LAYERS][WINDOW + 1][BATCH][UNITS], tanh_cell[LAYERS][WINDOW][BATCH][UNITS];
static float gate[LAYERS][WINDOW][BATCH][GATES];
static float d_output[LAYERS + 1][BATCH][FEATURES], d_state[LAYERS][BATCH][UNITS], d_cell[LAYERS][BATCH][UNITS];
static float d_logit[WINDOW][BATCH][CLASSES];

static void lay_out(void) {}

static float sigmoid(float v) { return 1 / (1 + expf(-v)); }

static void forward(int l, int features, int t, int b)
{
    const struct layer *w = &weight.layer[l];
    float *g = gate[l][t][b];
    memcpy(g, w->bias, sizeof w->bias);
    for (int k = 0; k < features + UNITS; k++)
        for (int j = 0; j < GATES; j++) g[j] += seen[l][t][b][k] * w->kernel[k][j];
    for (int u = 0; u < UNITS; u++) {
        float i = g[u] = sigmoid(g[u]), f = g[UNITS + u] = sigmoid(g[UNITS + u]);
        float c = g[2 * UNITS + u] = tanhf(g[2 * UNITS + u]), o = g[3 * UNITS + u] = sigmoid(g[3 * UNITS + u]);
        float after = cell[l][t + 1][b][u] = f * cell[l][t][b][u] + i * c;
        float bounded = tanh_cell[l][t][b][u] = tanhf(after);
        seen[l + 1][t][b][u] = seen[l][t + 1][b][features + u] = o * bounded;
    }
}

static void backward(int l, int features, int t, int b)
{
    const struct layer *w = &weight.layer[l];
    struct layer *to = &gradient.layer[l];
    float *g = gate[l][t][b];
    for (int u = 0; u < UNITS; u++) {
        float i = g[u], f = g[UNITS + u], c = g[2 * UNITS + u], o = g[3 * UNITS + u], bounded = tanh_cell[l][t][b][u];
        float d_h = d_output[l + 1][b][u] + d_state[l][b][u];
        float d_c = d_cell[l][b][u] + d_h * o * (1 - bounded * bounded);
        d_cell[l][b][u] = d_c * f;
        g[u] = d_c * c * i * (1 - i);
        g[UNITS + u] = d_c * cell[l][t][b][u] * f * (1 - f);
        g[2 * UNITS + u] = d_c * i * (1 - c * c);
        g[3 * UNITS + u] = d_h * bounded * o * (1 - o);
    }
    for (int k = 0; k < features + UNITS; k++) {
        float d = 0, value = seen[l][t][b][k];
        for (int j = 0; j < GATES; j++) {
            d += w->kernel[k][j] * g[j];
            to->kernel[k][j] += value * g[j];
        }
        *(k < features ? &d_output[l][b][k] : &d_state[l][b][k - features]) = d;
    }
    for (int j = 0; j < GATES; j++) to->bias[j] += g[j];
}

/* Softmax cross-entropy of one step of one series: the loss, and the gradients of logits and head. */
static float head(int t, int b, int target)
{
    float logit[CLASSES], most = -INFINITY, total = 0, loss = 0;
    const float *h = seen[LAYERS][t][b];
    for (int c = 0; c < CLASSES; c++) {
        logit[c] = weight.head_bias[c];
        for (int u = 0; u < UNITS; u++) logit[c] += h[u] * weight.head[u][c];
        most = fmaxf(most, logit[c]);
    }
    for (int c = 0; c < CLASSES; c++) total += expf(logit[c] - most);
    loss = logf(total) - (logit[target] - most);
    for (int c = 0; c < CLASSES; c++) {
        float d = d_logit[t][b][c] = (expf(logit[c] - most) / total - (c == target)) / (WINDOW * BATCH);
        gradient.head_bias[c] += d;
        for (int u = 0; u < UNITS; u++) gradient.head[u][c] += h[u] * d;
    }
    return loss / (WINDOW * BATCH);
}

static float step(int window)
{
    float loss = 0;
    memset(&gradient, 0, sizeof gradient);
    memset(d_state, 0, sizeof d_state);
    memset(d_cell, 0, sizeof d_cell);
    for (int l = 0; l < LAYERS; l++) {
        int features = l ? UNITS : INPUTS;
        for (int b = 0; b < BATCH; b++)
            memcpy(&seen[l][0][b][features], &seen[l][WINDOW][b][features], sizeof(float[UNITS]));
        memcpy(cell[l][0], cell[l][WINDOW], sizeof cell[l][0]);
    }
    for (int t = 0; t < WINDOW; t++)
        for (int b = 0; b < BATCH; b++) {
            memcpy(seen[0][t][b], x_WTBI[window][t][b], sizeof(float[INPUTS]));
            for (int l = 0; l < LAYERS; l++) forward(l, l ? UNITS : INPUTS, t, b);
            loss += head(t, b, y_WTB[window][t][b]);
        }
    for (int t = WINDOW - 1; t >= 0; t--)
        for (int b = 0; b < BATCH; b++) {
            for (int u = 0; u < UNITS; u++) {
                d_output[LAYERS][b][u] = 0;
                for (int c = 0; c < CLASSES; c++) d_output[LAYERS][b][u] += weight.head[u][c] * d_logit[t][b][c];
            }
            for (int l = LAYERS - 1; l >= 0; l--) backward(l, l ? UNITS : INPUTS, t, b);
        }
    adagrad();
    return loss;
}
