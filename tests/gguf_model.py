"""A random Llama of three layers, written as a GGUF file."""

import json

import torch
from transformers import LlamaConfig, LlamaForCausalLM

CHAT = (
    "{% for message in messages %}{{ '<s>' + message['role'] + '\n' + message['content'] | trim + '<|endoftext|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<s>assistant\n' }}{% endif %}"
)
NAMES = {  # of the weights in a layer: transformers, GGUF
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def network(vocabulary, layers=3, seed=0, **settings):
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2}
    sizes |= {"num_hidden_layers": layers, "max_position_embeddings": 512, "tie_word_embeddings": True}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, bos_token_id=1, eos_token_id=0, **sizes | settings))
        for p in made.parameters():
            torch.nn.init.normal_(p, std=0.1) if p.dim() > 1 else None
    return made.eval()


def write(path, module, tokenizer, architecture="llama", chat=CHAT):
    """Writes a Llama and its byte-level BPE tokenizer, weights in float32."""
    import gguf  # the other uses of this module need no such package

    config, writer = module.config, gguf.GGUFWriter(path, architecture)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    vocabulary = tokenizer.get_vocab()
    special = set(tokenizer.all_special_tokens)
    words = sorted(vocabulary, key=vocabulary.get)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(words)
    writer.add_token_types([3 if word in special else 1 for word in words])  # control, normal
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(config.bos_token_id)
    writer.add_eos_token_id(config.eos_token_id)
    if chat:
        writer.add_chat_template(chat)
    weights = module.state_dict()
    writer.add_tensor("token_embd.weight", weights["model.embed_tokens.weight"].numpy())
    writer.add_tensor("output_norm.weight", weights["model.norm.weight"].numpy())
    for i in range(config.num_hidden_layers):
        for ours, theirs in NAMES.items():
            weight = weights[f"model.layers.{i}.{ours}.weight"]
            if theirs in ("attn_q", "attn_k"):  # llama.cpp keeps the two halves of a rotation side by side
                heads = config.num_attention_heads if theirs == "attn_q" else config.num_key_value_heads
                weight = weight.reshape(heads, 2, -1, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)
            writer.add_tensor(f"blk.{i}.{theirs}.weight", weight.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
