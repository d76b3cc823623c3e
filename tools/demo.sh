# Sourced by ./run: the example pipeline, from the sources to the picture.
# shellcheck shell=bash

command_demo() {
    local device=()
    while (($# > 0)); do
        case $1 in
            --device)
                (($# > 1)) || die "demo: --device takes host, cuda:N or cuda:UUID"
                device=(--device "$2")
                shift
                ;;
            *) die "demo: unknown option $1; see ./run help" ;;
        esac
        shift
    done
    command_setup
    configure release
    build release src/all examples/all

    local folder=$root/out/demo pictures
    rm -rf "$folder"
    mkdir -p "$folder"
    say "running examples/brain_mri/pipeline.yaml in out/demo"
    PATH=$root/build/release/bin:$PATH fastio run "${device[@]}" --workdir "$folder" \
        examples/brain_mri/pipeline.yaml
    mapfile -t pictures < <(find "$folder" -name '*.png' | sort)
    ((${#pictures[@]} > 0)) || die "demo: the pipeline ended well but left no picture in $folder"
    say "the picture:"
    printf '%s\n' "${pictures[0]}"
}
