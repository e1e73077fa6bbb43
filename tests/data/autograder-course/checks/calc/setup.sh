#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
apt-get install -y python3
