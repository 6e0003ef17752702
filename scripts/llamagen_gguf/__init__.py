"""The parts of scripts/convert_llamagen.py.

    archive, unpickle   a file of torch.save -> state dict          safetensors   the other format of weights
    source              a checkpoint as a source of tensors         shards        the weights in a folder of Hugging Face
    transformer, rotary, tokenizer                                  textencoder, vocabulary, encoderfile
                        tensors, keys and types of each model -> plan -> output, a GGUF file

The names of keys and tensors are those of MODEL.md, section 8.
"""
