#!/bin/sh
# The first hour with sigverify, in some minutes of two cores: from invented people to a model of your own, and a
# file of every format. Nothing but the installed package is needed:
#
#   pip install 'sigverify[train-cpu]'
#   mkdir first-hour && cd first-hour && sh .../examples/first_hour.sh
#
# It stops at the first command that does other than it should.
set -eu
pads=$(cd "$(dirname "$0")" && pwd)/pads  # files of formats that are read and not written

step() { printf '\n== %s\n' "$*"; }
refused() { if "$@"; then exit 1; elif [ $? -ne 3 ]; then exit 4; fi; }  # 3: an answer, and it is no
told() { "$@" || [ $? -eq 4 ]; }  # 4: a file that is no signature is described all the same

step invent  # nobody's, and free for any use; your own people go into a folder of this kind
sigverify invent --out people --writers 30 --genuine 8 --skilled 6
sigverify invent --out visitors --writers 4 --genuine 6 --skilled 2 --seed 7

step check  # before anything is trained or measured on it
sigverify corpus check people --out checked

step split  # whom we train on, and whom we measure
sigverify corpus split folder=people --held-out 0.3 --out split.toml

step evaluate base  # the model that ships, on those who will be held out
sigverify evaluate base --corpus folder=people --writers split.toml --references 3 --draws 3

step fine-tune  # too short to gain anything; --config fine-tune is the recipe, and takes longer
cat > short.toml <<'END'
epochs = 1
steps_per_epoch = 10

[batch]
writers = 8

[schedule]
learning_rate = 2e-4

[validation]
fraction = 0.4  # people enough to fit scores on when it is converted
END
sigverify train --init-from base --config short.toml --corpus folder=people --writers split.toml --out runs/own

step calibrate  # base, as it is, fitted to twenty people and more: no forgeries are needed, and no training
sigverify calibrate base --on folder=people --name fitted --out fitted.sigmodel
sigverify info fitted.sigmodel

step convert  # what was trained, into one file that a device runs
sigverify convert runs/own --out own.sigmodel
sigverify evaluate own.sigmodel --corpus folder=people --writers split.toml --references 3 --draws 3 --out report
sigverify info own.sigmodel

step enroll
him=visitors/$(ls visitors | head -n 1)
sigverify enroll --store kiosk.db --model fitted.sigmodel --user bob "$him"/genuine/00[1-5].csv

step verify
sigverify verify --store kiosk.db --model fitted.sigmodel --user bob "$him/genuine/006.csv"
refused sigverify verify --store kiosk.db --model fitted.sigmodel --user bob "$him/skilled/001.csv"

step compare  # two files, without a store or a user
sigverify compare "$him/genuine/006.csv" "$him/genuine/001.csv" --out together.png

step formats
sigverify formats
for format in deepsigndb svc2004 iso19794_7 inkml unipen svg csv signature_pad; do
    step "format $format"
    sigverify import "$him/genuine/001.csv" --to "$format" --out "formats/$format"
    sigverify info "formats/$format"/*
done
for file in "$pads"/*; do
    step "pad $(basename "$file")"
    told sigverify info "$file"
done
