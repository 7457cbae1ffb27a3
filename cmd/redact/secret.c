// SPDX-License-Identifier: BSD-2-Clause
#include "redact/secret.h"

#include <string.h>

void secret_index_init(struct secret_index *index)
{
	memset(index, 0, sizeof(*index));
	secret_name_index(index);
	secret_text_index(index);
	secret_args_index(index);
}
