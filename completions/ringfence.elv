set edit:completion:arg-completer[ringfence] = { |@words|
    var index = (count $words)
    set index = (- $index 1)

    put (env _CLAP_IFS="\n" _CLAP_COMPLETE_INDEX=(to-string $index) RINGFENCE_COMPLETE="elvish" ringfence -- $@words) | to-lines
}
