"""PyTorch's side of bench/train.mjs: transformers' models, the losses as the authors' script has them, autocast in bf16.

Reads requests as ours.mjs does, a line of JSON each, and answers with seconds. Batches come with their tokens.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F
from transformers import BertConfig, BertForMaskedLM, DistilBertConfig, DistilBertForMaskedLM

options = json.loads(sys.argv[1])
torch.set_num_threads(options["threads"])
torch.manual_seed(1)
shape = options["shape"]
bf16 = options["precision"] == "bfloat16"

teacher = BertForMaskedLM(
    BertConfig(
        vocab_size=shape["vocabSize"],
        hidden_size=shape["hiddenSize"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        intermediate_size=shape["intermediateSize"],
        max_position_embeddings=shape["maxPositions"],
    )
).eval()
if options.get("teacherInBf16"):
    teacher = teacher.to(torch.bfloat16)
student = DistilBertForMaskedLM(
    DistilBertConfig(
        vocab_size=shape["vocabSize"],
        dim=shape["hiddenSize"],
        n_layers=shape["layers"] // 2,
        n_heads=shape["heads"],
        hidden_dim=shape["intermediateSize"],
        max_position_embeddings=shape["maxPositions"],
    )
).train()
optimizer = torch.optim.AdamW(student.parameters(), lr=1e-5, betas=(0.9, 0.98), eps=1e-6, fused=True)
temperature, alpha_ce, alpha_mlm, alpha_cos = 2.0, 5.0, 2.0, 1.0


def micro_step(input_ids, attention_mask, labels):
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        with torch.no_grad():
            given = teacher(input_ids, attention_mask=attention_mask, output_hidden_states=True)
        own = student(input_ids, attention_mask=attention_mask, output_hidden_states=True)
        real = attention_mask.unsqueeze(-1).expand_as(own.logits).bool()
        student_logits = own.logits[real].view(-1, own.logits.size(-1))
        teacher_logits = given.logits[real].view(-1, given.logits.size(-1))
        loss_ce = F.kl_div(
            F.log_softmax(student_logits / temperature, dim=-1),
            F.softmax(teacher_logits / temperature, dim=-1),
            reduction="batchmean",
        ) * temperature**2
        loss_mlm = F.cross_entropy(own.logits.view(-1, own.logits.size(-1)), labels.view(-1), ignore_index=-100)
        real = attention_mask.bool()
        student_hidden, teacher_hidden = own.hidden_states[-1][real], given.hidden_states[-1][real]
        target = torch.ones(student_hidden.size(0))
        loss_cos = F.cosine_embedding_loss(student_hidden, teacher_hidden, target, reduction="mean")
        loss = alpha_ce * loss_ce + alpha_mlm * loss_mlm + alpha_cos * loss_cos
    loss.backward()
    return loss.item()


def micro_batches(batches, warmUp):
    made = [[torch.tensor(batch[name]) for name in ("inputIds", "attentionMask", "labels")] for batch in batches]
    for batch in made[:warmUp]:
        micro_step(*batch)
    return [timed(lambda: micro_step(*batch)) for batch in made]


def timed(body):
    start = time.perf_counter()
    body()
    return time.perf_counter() - start


def optimizer_steps(steps):
    for parameter in student.parameters():
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    return [timed(optimizer.step) for _ in range(steps)]


requests = {"microBatches": micro_batches, "optimizer": optimizer_steps}
for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps(requests[request.pop("request")](**request)), flush=True)
